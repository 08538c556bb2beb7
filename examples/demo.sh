#!/bin/sh
# The engine at work, step by step: each command is shown before it runs. As root, by `make demo`.
# Removes what it made, and can be run again.
set -eu
cd "$(dirname "$0")/.."

bin=$PWD/.venv/bin
unset DOCKER_HOST WHERRY_HOST
wherry() { "$bin/wherry" "$@"; }

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
show() { # print the command as one would type it, then run it
    line=
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:=-]*) word="'$word'" ;; esac
        line="$line $word"
    done
    printf '%s$%s%s\n' "$bold" "$line" "$plain"
    "$@"
}

clean_up() {
    wherry rm -f wherry-demo-web >/dev/null 2>&1 || true
    wherry volume rm -f wherry-demo-data >/dev/null 2>&1 || true
}
trap clean_up EXIT

title "The engine"
scripts/engine start
clean_up
show wherry version --format 'wherry {{.Client.Version}}, engine {{.Server.Version}}, Docker API {{.Server.APIVersion}}'

title "A base image without a registry, from this machine's own busybox"
show wherry image bootstrap busybox
show wherry images

title "Hello from a container"
show wherry run --rm busybox echo "Hello from a container"

title "It is process 1, sees nothing of the host, and its exit code comes back"
show wherry run --rm busybox sh -c 'echo "process $$ on $(hostname)"; exit 3' || echo "exit code $?"

title "A web server in the background, its port published on a free port of the host"
show wherry run -d --name wherry-demo-web -p 127.0.0.1::80 -v wherry-demo-data:/www busybox \
    sh -c 'echo "a page from a volume" >/www/index.html; echo serving; exec httpd -f -h /www'
port=$(wherry inspect --format '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' wherry-demo-web)
fetch='import sys, time, urllib.request
for left in range(50, -1, -1):
    try:
        print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode(), end="")
        break
    except OSError:
        if not left: raise
        time.sleep(0.1)'
printf '%s$ fetch http://127.0.0.1:%s/%s\n' "$bold" "$port" "$plain"
"$bin/python" -c "$fetch" "http://127.0.0.1:$port/"

title "Into the running container"
show wherry exec wherry-demo-web ps
show wherry logs wherry-demo-web
show wherry ps

title "The container goes, what is in the volume stays"
show wherry rm -f wherry-demo-web
show wherry run --rm -v wherry-demo-data:/data busybox cat /data/index.html

title "How long a container takes from nothing to gone"
began=$(date +%s%N)
wherry run --rm busybox true
ended=$(date +%s%N)
echo "wherry run --rm busybox true: $(((ended - began) / 1000000)) ms"

title "What to type next"
cat <<END
A shell in a container:
    sudo $bin/wherry run -it --rm busybox
A Debian, made from the distribution's signed archive:
    sudo $bin/wherry image bootstrap debian:bookworm
The stock docker command on this engine:
    sudo DOCKER_HOST=unix:///run/wherry/wherry.sock docker ps -a
All tests; and the end of the engine (containers run on):
    sudo make test
    sudo make stop
END
