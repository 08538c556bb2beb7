# fish completion for wherry
complete -c wherry -f
complete -c wherry -n "__fish_use_subcommand" -a attach -d 'Attach local standard input, output, and error streams to a running container'
complete -c wherry -n "__fish_seen_subcommand_from attach" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from attach" -l detach-keys
complete -c wherry -n "__fish_seen_subcommand_from attach" -l no-stdin
complete -c wherry -n "__fish_seen_subcommand_from attach" -l sig-proxy
complete -c wherry -n "__fish_seen_subcommand_from attach" -l help
complete -c wherry -n "__fish_use_subcommand" -a completion -d 'Print a completion script for bash, zsh or fish'
complete -c wherry -n "__fish_seen_subcommand_from completion" -l help
complete -c wherry -n "__fish_seen_subcommand_from container" -a attach -d 'Attach local standard input, output, and error streams to a running container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a create -d 'Create a new container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a exec -d 'Execute a command in a running container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a inspect -d 'Display detailed information on one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a kill -d 'Kill one or more running containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a list -d 'List containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a logs -d 'Fetch the logs of a container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a ls -d 'List containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a pause -d 'Pause all processes within one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a port -d 'List port mappings or a specific mapping for the container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a prune -d 'Remove all stopped containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a ps -d 'List containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a remove -d 'Remove one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a rename -d 'Rename a container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a restart -d 'Restart one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a rm -d 'Remove one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a run -d 'Create and run a new container from an image'
complete -c wherry -n "__fish_seen_subcommand_from container" -a start -d 'Start one or more stopped containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a stop -d 'Stop one or more running containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a top -d 'Display the running processes of a container'
complete -c wherry -n "__fish_seen_subcommand_from container" -a unpause -d 'Unpause all processes within one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from container" -a wait -d 'Block until one or more containers stop, then print their exit codes'
complete -c wherry -n "__fish_use_subcommand" -a create -d 'Create a new container'
complete -c wherry -n "__fish_seen_subcommand_from create" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from create" -l add-host
complete -c wherry -n "__fish_seen_subcommand_from create" -l annotation
complete -c wherry -n "__fish_seen_subcommand_from create" -l attach
complete -c wherry -n "__fish_seen_subcommand_from create" -l blkio-weight
complete -c wherry -n "__fish_seen_subcommand_from create" -l blkio-weight-device
complete -c wherry -n "__fish_seen_subcommand_from create" -l cap-add
complete -c wherry -n "__fish_seen_subcommand_from create" -l cap-drop
complete -c wherry -n "__fish_seen_subcommand_from create" -l cgroup-parent
complete -c wherry -n "__fish_seen_subcommand_from create" -l cgroupns
complete -c wherry -n "__fish_seen_subcommand_from create" -l cidfile
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-count
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-percent
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-period
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-quota
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-rt-period
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-rt-runtime
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpu-shares
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpus
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpuset-cpus
complete -c wherry -n "__fish_seen_subcommand_from create" -l cpuset-mems
complete -c wherry -n "__fish_seen_subcommand_from create" -l device
complete -c wherry -n "__fish_seen_subcommand_from create" -l device-cgroup-rule
complete -c wherry -n "__fish_seen_subcommand_from create" -l device-read-bps
complete -c wherry -n "__fish_seen_subcommand_from create" -l device-read-iops
complete -c wherry -n "__fish_seen_subcommand_from create" -l device-write-bps
complete -c wherry -n "__fish_seen_subcommand_from create" -l device-write-iops
complete -c wherry -n "__fish_seen_subcommand_from create" -l disable-content-trust
complete -c wherry -n "__fish_seen_subcommand_from create" -l dns
complete -c wherry -n "__fish_seen_subcommand_from create" -l dns-option
complete -c wherry -n "__fish_seen_subcommand_from create" -l dns-search
complete -c wherry -n "__fish_seen_subcommand_from create" -l domainname
complete -c wherry -n "__fish_seen_subcommand_from create" -l entrypoint
complete -c wherry -n "__fish_seen_subcommand_from create" -l env
complete -c wherry -n "__fish_seen_subcommand_from create" -l env-file
complete -c wherry -n "__fish_seen_subcommand_from create" -l expose
complete -c wherry -n "__fish_seen_subcommand_from create" -l gpus
complete -c wherry -n "__fish_seen_subcommand_from create" -l group-add
complete -c wherry -n "__fish_seen_subcommand_from create" -l health-cmd
complete -c wherry -n "__fish_seen_subcommand_from create" -l health-interval
complete -c wherry -n "__fish_seen_subcommand_from create" -l health-retries
complete -c wherry -n "__fish_seen_subcommand_from create" -l health-start-interval
complete -c wherry -n "__fish_seen_subcommand_from create" -l health-start-period
complete -c wherry -n "__fish_seen_subcommand_from create" -l health-timeout
complete -c wherry -n "__fish_seen_subcommand_from create" -l hostname
complete -c wherry -n "__fish_seen_subcommand_from create" -l init
complete -c wherry -n "__fish_seen_subcommand_from create" -l interactive
complete -c wherry -n "__fish_seen_subcommand_from create" -l io-maxbandwidth
complete -c wherry -n "__fish_seen_subcommand_from create" -l io-maxiops
complete -c wherry -n "__fish_seen_subcommand_from create" -l ip
complete -c wherry -n "__fish_seen_subcommand_from create" -l ip6
complete -c wherry -n "__fish_seen_subcommand_from create" -l ipc
complete -c wherry -n "__fish_seen_subcommand_from create" -l isolation
complete -c wherry -n "__fish_seen_subcommand_from create" -l kernel-memory
complete -c wherry -n "__fish_seen_subcommand_from create" -l label
complete -c wherry -n "__fish_seen_subcommand_from create" -l label-file
complete -c wherry -n "__fish_seen_subcommand_from create" -l link
complete -c wherry -n "__fish_seen_subcommand_from create" -l link-local-ip
complete -c wherry -n "__fish_seen_subcommand_from create" -l log-driver
complete -c wherry -n "__fish_seen_subcommand_from create" -l log-opt
complete -c wherry -n "__fish_seen_subcommand_from create" -l mac-address
complete -c wherry -n "__fish_seen_subcommand_from create" -l memory
complete -c wherry -n "__fish_seen_subcommand_from create" -l memory-reservation
complete -c wherry -n "__fish_seen_subcommand_from create" -l memory-swap
complete -c wherry -n "__fish_seen_subcommand_from create" -l memory-swappiness
complete -c wherry -n "__fish_seen_subcommand_from create" -l mount
complete -c wherry -n "__fish_seen_subcommand_from create" -l name
complete -c wherry -n "__fish_seen_subcommand_from create" -l network
complete -c wherry -n "__fish_seen_subcommand_from create" -l network-alias
complete -c wherry -n "__fish_seen_subcommand_from create" -l no-healthcheck
complete -c wherry -n "__fish_seen_subcommand_from create" -l oom-kill-disable
complete -c wherry -n "__fish_seen_subcommand_from create" -l oom-score-adj
complete -c wherry -n "__fish_seen_subcommand_from create" -l pid
complete -c wherry -n "__fish_seen_subcommand_from create" -l pids-limit
complete -c wherry -n "__fish_seen_subcommand_from create" -l platform
complete -c wherry -n "__fish_seen_subcommand_from create" -l privileged
complete -c wherry -n "__fish_seen_subcommand_from create" -l publish
complete -c wherry -n "__fish_seen_subcommand_from create" -l publish-all
complete -c wherry -n "__fish_seen_subcommand_from create" -l pull
complete -c wherry -n "__fish_seen_subcommand_from create" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from create" -l read-only
complete -c wherry -n "__fish_seen_subcommand_from create" -l restart
complete -c wherry -n "__fish_seen_subcommand_from create" -l rm
complete -c wherry -n "__fish_seen_subcommand_from create" -l runtime
complete -c wherry -n "__fish_seen_subcommand_from create" -l security-opt
complete -c wherry -n "__fish_seen_subcommand_from create" -l shm-size
complete -c wherry -n "__fish_seen_subcommand_from create" -l stop-signal
complete -c wherry -n "__fish_seen_subcommand_from create" -l stop-timeout
complete -c wherry -n "__fish_seen_subcommand_from create" -l storage-opt
complete -c wherry -n "__fish_seen_subcommand_from create" -l sysctl
complete -c wherry -n "__fish_seen_subcommand_from create" -l tmpfs
complete -c wherry -n "__fish_seen_subcommand_from create" -l tty
complete -c wherry -n "__fish_seen_subcommand_from create" -l ulimit
complete -c wherry -n "__fish_seen_subcommand_from create" -l use-api-socket
complete -c wherry -n "__fish_seen_subcommand_from create" -l user
complete -c wherry -n "__fish_seen_subcommand_from create" -l userns
complete -c wherry -n "__fish_seen_subcommand_from create" -l uts
complete -c wherry -n "__fish_seen_subcommand_from create" -l volume
complete -c wherry -n "__fish_seen_subcommand_from create" -l volume-driver
complete -c wherry -n "__fish_seen_subcommand_from create" -l volumes-from
complete -c wherry -n "__fish_seen_subcommand_from create" -l workdir
complete -c wherry -n "__fish_seen_subcommand_from create" -l help
complete -c wherry -n "__fish_use_subcommand" -a events -d 'Get real time events from the server'
complete -c wherry -n "__fish_seen_subcommand_from events" -l filter
complete -c wherry -n "__fish_seen_subcommand_from events" -l format
complete -c wherry -n "__fish_seen_subcommand_from events" -l since
complete -c wherry -n "__fish_seen_subcommand_from events" -l until
complete -c wherry -n "__fish_seen_subcommand_from events" -l help
complete -c wherry -n "__fish_use_subcommand" -a exec -d 'Execute a command in a running container'
complete -c wherry -n "__fish_seen_subcommand_from exec" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from exec" -l detach
complete -c wherry -n "__fish_seen_subcommand_from exec" -l detach-keys
complete -c wherry -n "__fish_seen_subcommand_from exec" -l env
complete -c wherry -n "__fish_seen_subcommand_from exec" -l env-file
complete -c wherry -n "__fish_seen_subcommand_from exec" -l interactive
complete -c wherry -n "__fish_seen_subcommand_from exec" -l privileged
complete -c wherry -n "__fish_seen_subcommand_from exec" -l tty
complete -c wherry -n "__fish_seen_subcommand_from exec" -l user
complete -c wherry -n "__fish_seen_subcommand_from exec" -l workdir
complete -c wherry -n "__fish_seen_subcommand_from exec" -l help
complete -c wherry -n "__fish_use_subcommand" -a history -d 'Show the history of an image'
complete -c wherry -n "__fish_seen_subcommand_from history" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from history" -l format
complete -c wherry -n "__fish_seen_subcommand_from history" -l human
complete -c wherry -n "__fish_seen_subcommand_from history" -l no-trunc
complete -c wherry -n "__fish_seen_subcommand_from history" -l platform
complete -c wherry -n "__fish_seen_subcommand_from history" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from history" -l help
complete -c wherry -n "__fish_seen_subcommand_from image" -a bootstrap -d 'Make a first image from the host, without a registry'
complete -c wherry -n "__fish_seen_subcommand_from image" -a history -d 'Show the history of an image'
complete -c wherry -n "__fish_seen_subcommand_from image" -a import -d 'Import the contents from a tarball to create a filesystem image'
complete -c wherry -n "__fish_seen_subcommand_from image" -a inspect -d 'Display detailed information on one or more images'
complete -c wherry -n "__fish_seen_subcommand_from image" -a list -d 'List images'
complete -c wherry -n "__fish_seen_subcommand_from image" -a load -d 'Load an image from a tar archive or STDIN'
complete -c wherry -n "__fish_seen_subcommand_from image" -a ls -d 'List images'
complete -c wherry -n "__fish_seen_subcommand_from image" -a prune -d 'Remove unused images'
complete -c wherry -n "__fish_seen_subcommand_from image" -a pull -d 'Download an image from a registry'
complete -c wherry -n "__fish_seen_subcommand_from image" -a remove -d 'Remove one or more images'
complete -c wherry -n "__fish_seen_subcommand_from image" -a rm -d 'Remove one or more images'
complete -c wherry -n "__fish_seen_subcommand_from image" -a save -d 'Save one or more images to a tar archive (streamed to STDOUT by default)'
complete -c wherry -n "__fish_seen_subcommand_from image" -a tag -d 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE'
complete -c wherry -n "__fish_use_subcommand" -a images -d 'List images'
complete -c wherry -n "__fish_seen_subcommand_from images" -l all
complete -c wherry -n "__fish_seen_subcommand_from images" -l digests
complete -c wherry -n "__fish_seen_subcommand_from images" -l filter
complete -c wherry -n "__fish_seen_subcommand_from images" -l format
complete -c wherry -n "__fish_seen_subcommand_from images" -l no-trunc
complete -c wherry -n "__fish_seen_subcommand_from images" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from images" -l help
complete -c wherry -n "__fish_use_subcommand" -a import -d 'Import the contents from a tarball to create a filesystem image'
complete -c wherry -n "__fish_seen_subcommand_from import" -l change
complete -c wherry -n "__fish_seen_subcommand_from import" -l message
complete -c wherry -n "__fish_seen_subcommand_from import" -l platform
complete -c wherry -n "__fish_seen_subcommand_from import" -l help
complete -c wherry -n "__fish_use_subcommand" -a info -d 'Display system-wide information'
complete -c wherry -n "__fish_seen_subcommand_from info" -l format
complete -c wherry -n "__fish_seen_subcommand_from info" -l help
complete -c wherry -n "__fish_use_subcommand" -a inspect -d 'Return low-level information on wherry objects'
complete -c wherry -n "__fish_seen_subcommand_from inspect" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from inspect" -l format
complete -c wherry -n "__fish_seen_subcommand_from inspect" -l size
complete -c wherry -n "__fish_seen_subcommand_from inspect" -l type
complete -c wherry -n "__fish_seen_subcommand_from inspect" -l help
complete -c wherry -n "__fish_use_subcommand" -a kill -d 'Kill one or more running containers'
complete -c wherry -n "__fish_seen_subcommand_from kill" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from kill" -l signal
complete -c wherry -n "__fish_seen_subcommand_from kill" -l help
complete -c wherry -n "__fish_use_subcommand" -a load -d 'Load an image from a tar archive or STDIN'
complete -c wherry -n "__fish_seen_subcommand_from load" -l input
complete -c wherry -n "__fish_seen_subcommand_from load" -l platform
complete -c wherry -n "__fish_seen_subcommand_from load" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from load" -l help
complete -c wherry -n "__fish_use_subcommand" -a logs -d 'Fetch the logs of a container'
complete -c wherry -n "__fish_seen_subcommand_from logs" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from logs" -l details
complete -c wherry -n "__fish_seen_subcommand_from logs" -l follow
complete -c wherry -n "__fish_seen_subcommand_from logs" -l since
complete -c wherry -n "__fish_seen_subcommand_from logs" -l tail
complete -c wherry -n "__fish_seen_subcommand_from logs" -l timestamps
complete -c wherry -n "__fish_seen_subcommand_from logs" -l until
complete -c wherry -n "__fish_seen_subcommand_from logs" -l help
complete -c wherry -n "__fish_seen_subcommand_from network" -a connect -d 'Connect a container to a network'
complete -c wherry -n "__fish_seen_subcommand_from network" -a create -d 'Create a network'
complete -c wherry -n "__fish_seen_subcommand_from network" -a disconnect -d 'Disconnect a container from a network'
complete -c wherry -n "__fish_seen_subcommand_from network" -a inspect -d 'Display detailed information on one or more networks'
complete -c wherry -n "__fish_seen_subcommand_from network" -a list -d 'List networks'
complete -c wherry -n "__fish_seen_subcommand_from network" -a ls -d 'List networks'
complete -c wherry -n "__fish_seen_subcommand_from network" -a prune -d 'Remove all unused networks'
complete -c wherry -n "__fish_seen_subcommand_from network" -a remove -d 'Remove one or more networks'
complete -c wherry -n "__fish_seen_subcommand_from network" -a rm -d 'Remove one or more networks'
complete -c wherry -n "__fish_use_subcommand" -a pause -d 'Pause all processes within one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from pause" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from pause" -l help
complete -c wherry -n "__fish_use_subcommand" -a port -d 'List port mappings or a specific mapping for the container'
complete -c wherry -n "__fish_seen_subcommand_from port" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from port" -l help
complete -c wherry -n "__fish_use_subcommand" -a ps -d 'List containers'
complete -c wherry -n "__fish_seen_subcommand_from ps" -l all
complete -c wherry -n "__fish_seen_subcommand_from ps" -l filter
complete -c wherry -n "__fish_seen_subcommand_from ps" -l format
complete -c wherry -n "__fish_seen_subcommand_from ps" -l last
complete -c wherry -n "__fish_seen_subcommand_from ps" -l latest
complete -c wherry -n "__fish_seen_subcommand_from ps" -l no-trunc
complete -c wherry -n "__fish_seen_subcommand_from ps" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from ps" -l size
complete -c wherry -n "__fish_seen_subcommand_from ps" -l help
complete -c wherry -n "__fish_use_subcommand" -a pull -d 'Download an image from a registry'
complete -c wherry -n "__fish_seen_subcommand_from pull" -l all-tags
complete -c wherry -n "__fish_seen_subcommand_from pull" -l disable-content-trust
complete -c wherry -n "__fish_seen_subcommand_from pull" -l platform
complete -c wherry -n "__fish_seen_subcommand_from pull" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from pull" -l help
complete -c wherry -n "__fish_use_subcommand" -a rename -d 'Rename a container'
complete -c wherry -n "__fish_seen_subcommand_from rename" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from rename" -l help
complete -c wherry -n "__fish_use_subcommand" -a restart -d 'Restart one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from restart" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from restart" -l signal
complete -c wherry -n "__fish_seen_subcommand_from restart" -l timeout
complete -c wherry -n "__fish_seen_subcommand_from restart" -l help
complete -c wherry -n "__fish_use_subcommand" -a rm -d 'Remove one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from rm" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from rm" -l force
complete -c wherry -n "__fish_seen_subcommand_from rm" -l link
complete -c wherry -n "__fish_seen_subcommand_from rm" -l volumes
complete -c wherry -n "__fish_seen_subcommand_from rm" -l help
complete -c wherry -n "__fish_use_subcommand" -a rmi -d 'Remove one or more images'
complete -c wherry -n "__fish_seen_subcommand_from rmi" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from rmi" -l force
complete -c wherry -n "__fish_seen_subcommand_from rmi" -l no-prune
complete -c wherry -n "__fish_seen_subcommand_from rmi" -l platform
complete -c wherry -n "__fish_seen_subcommand_from rmi" -l help
complete -c wherry -n "__fish_use_subcommand" -a run -d 'Create and run a new container from an image'
complete -c wherry -n "__fish_seen_subcommand_from run" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from run" -l add-host
complete -c wherry -n "__fish_seen_subcommand_from run" -l annotation
complete -c wherry -n "__fish_seen_subcommand_from run" -l attach
complete -c wherry -n "__fish_seen_subcommand_from run" -l blkio-weight
complete -c wherry -n "__fish_seen_subcommand_from run" -l blkio-weight-device
complete -c wherry -n "__fish_seen_subcommand_from run" -l cap-add
complete -c wherry -n "__fish_seen_subcommand_from run" -l cap-drop
complete -c wherry -n "__fish_seen_subcommand_from run" -l cgroup-parent
complete -c wherry -n "__fish_seen_subcommand_from run" -l cgroupns
complete -c wherry -n "__fish_seen_subcommand_from run" -l cidfile
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-count
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-percent
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-period
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-quota
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-rt-period
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-rt-runtime
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpu-shares
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpus
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpuset-cpus
complete -c wherry -n "__fish_seen_subcommand_from run" -l cpuset-mems
complete -c wherry -n "__fish_seen_subcommand_from run" -l detach
complete -c wherry -n "__fish_seen_subcommand_from run" -l detach-keys
complete -c wherry -n "__fish_seen_subcommand_from run" -l device
complete -c wherry -n "__fish_seen_subcommand_from run" -l device-cgroup-rule
complete -c wherry -n "__fish_seen_subcommand_from run" -l device-read-bps
complete -c wherry -n "__fish_seen_subcommand_from run" -l device-read-iops
complete -c wherry -n "__fish_seen_subcommand_from run" -l device-write-bps
complete -c wherry -n "__fish_seen_subcommand_from run" -l device-write-iops
complete -c wherry -n "__fish_seen_subcommand_from run" -l disable-content-trust
complete -c wherry -n "__fish_seen_subcommand_from run" -l dns
complete -c wherry -n "__fish_seen_subcommand_from run" -l dns-option
complete -c wherry -n "__fish_seen_subcommand_from run" -l dns-search
complete -c wherry -n "__fish_seen_subcommand_from run" -l domainname
complete -c wherry -n "__fish_seen_subcommand_from run" -l entrypoint
complete -c wherry -n "__fish_seen_subcommand_from run" -l env
complete -c wherry -n "__fish_seen_subcommand_from run" -l env-file
complete -c wherry -n "__fish_seen_subcommand_from run" -l expose
complete -c wherry -n "__fish_seen_subcommand_from run" -l gpus
complete -c wherry -n "__fish_seen_subcommand_from run" -l group-add
complete -c wherry -n "__fish_seen_subcommand_from run" -l health-cmd
complete -c wherry -n "__fish_seen_subcommand_from run" -l health-interval
complete -c wherry -n "__fish_seen_subcommand_from run" -l health-retries
complete -c wherry -n "__fish_seen_subcommand_from run" -l health-start-interval
complete -c wherry -n "__fish_seen_subcommand_from run" -l health-start-period
complete -c wherry -n "__fish_seen_subcommand_from run" -l health-timeout
complete -c wherry -n "__fish_seen_subcommand_from run" -l hostname
complete -c wherry -n "__fish_seen_subcommand_from run" -l init
complete -c wherry -n "__fish_seen_subcommand_from run" -l interactive
complete -c wherry -n "__fish_seen_subcommand_from run" -l io-maxbandwidth
complete -c wherry -n "__fish_seen_subcommand_from run" -l io-maxiops
complete -c wherry -n "__fish_seen_subcommand_from run" -l ip
complete -c wherry -n "__fish_seen_subcommand_from run" -l ip6
complete -c wherry -n "__fish_seen_subcommand_from run" -l ipc
complete -c wherry -n "__fish_seen_subcommand_from run" -l isolation
complete -c wherry -n "__fish_seen_subcommand_from run" -l kernel-memory
complete -c wherry -n "__fish_seen_subcommand_from run" -l label
complete -c wherry -n "__fish_seen_subcommand_from run" -l label-file
complete -c wherry -n "__fish_seen_subcommand_from run" -l link
complete -c wherry -n "__fish_seen_subcommand_from run" -l link-local-ip
complete -c wherry -n "__fish_seen_subcommand_from run" -l log-driver
complete -c wherry -n "__fish_seen_subcommand_from run" -l log-opt
complete -c wherry -n "__fish_seen_subcommand_from run" -l mac-address
complete -c wherry -n "__fish_seen_subcommand_from run" -l memory
complete -c wherry -n "__fish_seen_subcommand_from run" -l memory-reservation
complete -c wherry -n "__fish_seen_subcommand_from run" -l memory-swap
complete -c wherry -n "__fish_seen_subcommand_from run" -l memory-swappiness
complete -c wherry -n "__fish_seen_subcommand_from run" -l mount
complete -c wherry -n "__fish_seen_subcommand_from run" -l name
complete -c wherry -n "__fish_seen_subcommand_from run" -l network
complete -c wherry -n "__fish_seen_subcommand_from run" -l network-alias
complete -c wherry -n "__fish_seen_subcommand_from run" -l no-healthcheck
complete -c wherry -n "__fish_seen_subcommand_from run" -l oom-kill-disable
complete -c wherry -n "__fish_seen_subcommand_from run" -l oom-score-adj
complete -c wherry -n "__fish_seen_subcommand_from run" -l pid
complete -c wherry -n "__fish_seen_subcommand_from run" -l pids-limit
complete -c wherry -n "__fish_seen_subcommand_from run" -l platform
complete -c wherry -n "__fish_seen_subcommand_from run" -l privileged
complete -c wherry -n "__fish_seen_subcommand_from run" -l publish
complete -c wherry -n "__fish_seen_subcommand_from run" -l publish-all
complete -c wherry -n "__fish_seen_subcommand_from run" -l pull
complete -c wherry -n "__fish_seen_subcommand_from run" -l quiet
complete -c wherry -n "__fish_seen_subcommand_from run" -l read-only
complete -c wherry -n "__fish_seen_subcommand_from run" -l restart
complete -c wherry -n "__fish_seen_subcommand_from run" -l rm
complete -c wherry -n "__fish_seen_subcommand_from run" -l runtime
complete -c wherry -n "__fish_seen_subcommand_from run" -l security-opt
complete -c wherry -n "__fish_seen_subcommand_from run" -l shm-size
complete -c wherry -n "__fish_seen_subcommand_from run" -l sig-proxy
complete -c wherry -n "__fish_seen_subcommand_from run" -l stop-signal
complete -c wherry -n "__fish_seen_subcommand_from run" -l stop-timeout
complete -c wherry -n "__fish_seen_subcommand_from run" -l storage-opt
complete -c wherry -n "__fish_seen_subcommand_from run" -l sysctl
complete -c wherry -n "__fish_seen_subcommand_from run" -l tmpfs
complete -c wherry -n "__fish_seen_subcommand_from run" -l tty
complete -c wherry -n "__fish_seen_subcommand_from run" -l ulimit
complete -c wherry -n "__fish_seen_subcommand_from run" -l use-api-socket
complete -c wherry -n "__fish_seen_subcommand_from run" -l user
complete -c wherry -n "__fish_seen_subcommand_from run" -l userns
complete -c wherry -n "__fish_seen_subcommand_from run" -l uts
complete -c wherry -n "__fish_seen_subcommand_from run" -l volume
complete -c wherry -n "__fish_seen_subcommand_from run" -l volume-driver
complete -c wherry -n "__fish_seen_subcommand_from run" -l volumes-from
complete -c wherry -n "__fish_seen_subcommand_from run" -l workdir
complete -c wherry -n "__fish_seen_subcommand_from run" -l help
complete -c wherry -n "__fish_use_subcommand" -a save -d 'Save one or more images to a tar archive (streamed to STDOUT by default)'
complete -c wherry -n "__fish_seen_subcommand_from save" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from save" -l output
complete -c wherry -n "__fish_seen_subcommand_from save" -l platform
complete -c wherry -n "__fish_seen_subcommand_from save" -l help
complete -c wherry -n "__fish_use_subcommand" -a start -d 'Start one or more stopped containers'
complete -c wherry -n "__fish_seen_subcommand_from start" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from start" -l attach
complete -c wherry -n "__fish_seen_subcommand_from start" -l detach-keys
complete -c wherry -n "__fish_seen_subcommand_from start" -l interactive
complete -c wherry -n "__fish_seen_subcommand_from start" -l help
complete -c wherry -n "__fish_use_subcommand" -a stop -d 'Stop one or more running containers'
complete -c wherry -n "__fish_seen_subcommand_from stop" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from stop" -l signal
complete -c wherry -n "__fish_seen_subcommand_from stop" -l timeout
complete -c wherry -n "__fish_seen_subcommand_from stop" -l help
complete -c wherry -n "__fish_seen_subcommand_from system" -a df -d 'Show wherry disk usage'
complete -c wherry -n "__fish_seen_subcommand_from system" -a events -d 'Get real time events from the server'
complete -c wherry -n "__fish_seen_subcommand_from system" -a info -d 'Display system-wide information'
complete -c wherry -n "__fish_use_subcommand" -a tag -d 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE'
complete -c wherry -n "__fish_seen_subcommand_from tag" -a '(wherry images --format \'{{.Repository}}:{{.Tag}}\')'
complete -c wherry -n "__fish_seen_subcommand_from tag" -l help
complete -c wherry -n "__fish_use_subcommand" -a top -d 'Display the running processes of a container'
complete -c wherry -n "__fish_seen_subcommand_from top" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from top" -l help
complete -c wherry -n "__fish_use_subcommand" -a unpause -d 'Unpause all processes within one or more containers'
complete -c wherry -n "__fish_seen_subcommand_from unpause" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from unpause" -l help
complete -c wherry -n "__fish_use_subcommand" -a version -d 'Show the wherry version information'
complete -c wherry -n "__fish_seen_subcommand_from version" -l format
complete -c wherry -n "__fish_seen_subcommand_from version" -l help
complete -c wherry -n "__fish_seen_subcommand_from volume" -a create -d 'Create a volume'
complete -c wherry -n "__fish_seen_subcommand_from volume" -a inspect -d 'Display detailed information on one or more volumes'
complete -c wherry -n "__fish_seen_subcommand_from volume" -a list -d 'List volumes'
complete -c wherry -n "__fish_seen_subcommand_from volume" -a ls -d 'List volumes'
complete -c wherry -n "__fish_seen_subcommand_from volume" -a prune -d 'Remove unused local volumes'
complete -c wherry -n "__fish_seen_subcommand_from volume" -a remove -d 'Remove one or more volumes'
complete -c wherry -n "__fish_seen_subcommand_from volume" -a rm -d 'Remove one or more volumes'
complete -c wherry -n "__fish_use_subcommand" -a wait -d 'Block until one or more containers stop, then print their exit codes'
complete -c wherry -n "__fish_seen_subcommand_from wait" -a '(wherry ps -a --format \'{{.Names}}\')'
complete -c wherry -n "__fish_seen_subcommand_from wait" -l help
complete -c wherry -n "__fish_use_subcommand" -a container -d 'Manage containers'
complete -c wherry -n "__fish_use_subcommand" -a image -d 'Manage images'
complete -c wherry -n "__fish_use_subcommand" -a network -d 'Manage networks'
complete -c wherry -n "__fish_use_subcommand" -a system -d 'Manage wherry'
complete -c wherry -n "__fish_use_subcommand" -a volume -d 'Manage volumes'
