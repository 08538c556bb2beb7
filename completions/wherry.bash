# bash completion for wherry
_wherry() {
    local cur path i word
    cur="${COMP_WORDS[COMP_CWORD]}"
    path=""
    for ((i = 1; i < COMP_CWORD; i++)); do
        word="${COMP_WORDS[i]}"
        [[ "$word" == -* ]] && continue
        case "$path" in "") path="$word" ;; container|image|network|system|volume) path="$path $word" ;; esac
    done
    case "$path" in
        "") COMPREPLY=($(compgen -W "attach completion container create events exec history image images import info inspect kill load logs network pause port ps pull rename restart rm rmi run save start stop system tag top unpause version volume wait" -- "$cur")) ;;
        "container") COMPREPLY=($(compgen -W "attach create exec inspect kill list logs ls pause port prune ps remove rename restart rm run start stop top unpause wait" -- "$cur")) ;;
        "image") COMPREPLY=($(compgen -W "bootstrap history import inspect list load ls prune pull remove rm save tag" -- "$cur")) ;;
        "network") COMPREPLY=($(compgen -W "connect create disconnect inspect list ls prune remove rm" -- "$cur")) ;;
        "system") COMPREPLY=($(compgen -W "df events info" -- "$cur")) ;;
        "volume") COMPREPLY=($(compgen -W "create inspect list ls prune remove rm" -- "$cur")) ;;
        "attach")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--detach-keys --no-stdin --sig-proxy --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "completion")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "container attach")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--detach-keys --no-stdin --sig-proxy --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container create")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--add-host --annotation --attach -a --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option --dns-search --domainname --entrypoint --env -e --env-file --expose --gpus --group-add --health-cmd --health-interval --health-retries --health-start-interval --health-start-period --health-timeout --hostname -h --init --interactive -i --io-maxbandwidth --io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label -l --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory -m --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck --oom-kill-disable --oom-score-adj --pid --pids-limit --platform --privileged --publish -p --publish-all -P --pull --quiet -q --read-only --restart --rm --runtime --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --tty -t --ulimit --use-api-socket --user -u --userns --uts --volume -v --volume-driver --volumes-from --workdir -w --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container exec")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--detach -d --detach-keys --env -e --env-file --interactive -i --privileged --tty -t --user -u --workdir -w --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container inspect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --size -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container kill")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--signal -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container list")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "container logs")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--details --follow -f --since --tail -n --timestamps -t --until --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container ls")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "container pause")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container port")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container prune")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter --force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "container ps")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "container remove")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --link -l --volumes -v --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container rename")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container restart")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--signal -s --timeout -t --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container rm")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --link -l --volumes -v --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container run")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--add-host --annotation --attach -a --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --detach -d --detach-keys --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option --dns-search --domainname --entrypoint --env -e --env-file --expose --gpus --group-add --health-cmd --health-interval --health-retries --health-start-interval --health-start-period --health-timeout --hostname -h --init --interactive -i --io-maxbandwidth --io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label -l --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory -m --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck --oom-kill-disable --oom-score-adj --pid --pids-limit --platform --privileged --publish -p --publish-all -P --pull --quiet -q --read-only --restart --rm --runtime --security-opt --shm-size --sig-proxy --stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --tty -t --ulimit --use-api-socket --user -u --userns --uts --volume -v --volume-driver --volumes-from --workdir -w --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container start")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--attach -a --detach-keys --interactive -i --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container stop")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--signal -s --timeout -t --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container top")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container unpause")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "container wait")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "create")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--add-host --annotation --attach -a --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option --dns-search --domainname --entrypoint --env -e --env-file --expose --gpus --group-add --health-cmd --health-interval --health-retries --health-start-interval --health-start-period --health-timeout --hostname -h --init --interactive -i --io-maxbandwidth --io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label -l --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory -m --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck --oom-kill-disable --oom-score-adj --pid --pids-limit --platform --privileged --publish -p --publish-all -P --pull --quiet -q --read-only --restart --rm --runtime --security-opt --shm-size --stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --tty -t --ulimit --use-api-socket --user -u --userns --uts --volume -v --volume-driver --volumes-from --workdir -w --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "events")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter -f --format --since --until --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "exec")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--detach -d --detach-keys --env -e --env-file --interactive -i --privileged --tty -t --user -u --workdir -w --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "history")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format --human -H --no-trunc --platform --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "image bootstrap")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--host-ca --include --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image history")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format --human -H --no-trunc --platform --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "image import")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--change -c --message -m --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image inspect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "image list")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --digests --filter -f --format --no-trunc --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image load")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--input -i --platform --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image ls")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --digests --filter -f --format --no-trunc --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image prune")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --filter --force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image pull")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all-tags -a --disable-content-trust --platform --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "image remove")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --no-prune --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "image rm")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --no-prune --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "image save")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--output -o --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "image tag")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "images")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --digests --filter -f --format --no-trunc --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "import")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--change -c --message -m --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "info")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "inspect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --size -s --type --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "kill")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--signal -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "load")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--input -i --platform --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "logs")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--details --follow -f --since --tail -n --timestamps -t --until --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "network connect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--alias --driver-opt --gw-priority --ip --ip6 --link --link-local-ip --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry network ls --format '{{.Name}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "network create")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--attachable --aux-address --config-from --config-only --driver -d --gateway --ingress --internal --ip-range --ipam-driver --ipam-opt --ipv4 --ipv6 --label --opt -o --scope --subnet --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "network disconnect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry network ls --format '{{.Name}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "network inspect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --verbose -v --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry network ls --format '{{.Name}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "network list")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter -f --format --no-trunc --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "network ls")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter -f --format --no-trunc --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "network prune")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter --force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "network remove")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry network ls --format '{{.Name}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "network rm")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry network ls --format '{{.Name}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "pause")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "port")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "ps")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --filter -f --format --last -n --latest -l --no-trunc --quiet -q --size -s --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "pull")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all-tags -a --disable-content-trust --platform --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "rename")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "restart")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--signal -s --timeout -t --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "rm")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --link -l --volumes -v --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "rmi")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --no-prune --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "run")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--add-host --annotation --attach -a --blkio-weight --blkio-weight-device --cap-add --cap-drop --cgroup-parent --cgroupns --cidfile --cpu-count --cpu-percent --cpu-period --cpu-quota --cpu-rt-period --cpu-rt-runtime --cpu-shares -c --cpus --cpuset-cpus --cpuset-mems --detach -d --detach-keys --device --device-cgroup-rule --device-read-bps --device-read-iops --device-write-bps --device-write-iops --disable-content-trust --dns --dns-option --dns-search --domainname --entrypoint --env -e --env-file --expose --gpus --group-add --health-cmd --health-interval --health-retries --health-start-interval --health-start-period --health-timeout --hostname -h --init --interactive -i --io-maxbandwidth --io-maxiops --ip --ip6 --ipc --isolation --kernel-memory --label -l --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory -m --memory-reservation --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck --oom-kill-disable --oom-score-adj --pid --pids-limit --platform --privileged --publish -p --publish-all -P --pull --quiet -q --read-only --restart --rm --runtime --security-opt --shm-size --sig-proxy --stop-signal --stop-timeout --storage-opt --sysctl --tmpfs --tty -t --ulimit --use-api-socket --user -u --userns --uts --volume -v --volume-driver --volumes-from --workdir -w --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "save")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--output -o --platform --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "start")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--attach -a --detach-keys --interactive -i --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "stop")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--signal -s --timeout -t --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "system df")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format --verbose -v --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "system events")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter -f --format --since --until --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "system info")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "tag")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "top")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "unpause")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
        "version")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "volume create")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--driver -d --label --opt -o --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "volume inspect")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--format -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry volume ls -q 2>/dev/null)" -- "$cur"))
            fi ;;
        "volume list")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter -f --format --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "volume ls")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--filter -f --format --quiet -q --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "volume prune")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--all -a --filter --force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -f -- "$cur"))
            fi ;;
        "volume remove")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry volume ls -q 2>/dev/null)" -- "$cur"))
            fi ;;
        "volume rm")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--force -f --help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry volume ls -q 2>/dev/null)" -- "$cur"))
            fi ;;
        "wait")
            if [[ "$cur" == -* ]]; then
                COMPREPLY=($(compgen -W "--help" -- "$cur"))
            else
                COMPREPLY=($(compgen -W "$(wherry ps -a --format '{{.Names}}' 2>/dev/null)" -- "$cur"))
            fi ;;
    esac
}
complete -o default -F _wherry wherry
