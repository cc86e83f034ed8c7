#!/bin/sh
# Deploys a site on its server, as root: see README.md and `make help`. All commands can be repeated,
# and the previous release stays live until the new one works.
#
# A server can have several instances of the project, such as production and staging. NAME, that of
# the directory above the checkout, is in the name of all that belongs to one:
#
# /srv/NAME/checkout      the Git repository: a release is a copy of its HEAD
# /srv/NAME/releases/     a directory per release: code, dependencies, static files manifest
# /srv/NAME/current       link to the live release; `previous` to the one before
# /etc/NAME.env           environment variables, SECRET_KEY among them: for root only
# /etc/nginx/NAME/        copy of the live release's nginx/
set -eu
umask 022  # the application's user and nginx read what root writes

checkout=$(cd "$(dirname "$0")/.." && pwd -P)
home=${checkout%/*}
name=${home##*/}
user=$(printf %.31s "$name")  # at most 31 characters, by systemd
environment=/etc/$name.env
value() { sed -n "s/^$1=[\"']*\([^\"']*\).*/\1/p" "$environment" 2>/dev/null | tail -n 1; } # VARIABLE
domain=$(value DOMAIN)
domain=${domain:-${DOMAIN:-{{ cookiecutter.domain_name }}}}
web_root=/var/www/$domain
[ "$name" != {{ cookiecutter.project_slug }} ] || web_root={{ cookiecutter.web_root }}
state=/var/lib/$name  # the SQLite database
public=$web_root{{ cookiecutter.served_url.rstrip('/') }}  # static/ and media/
private=$state{{ cookiecutter.served_url.rstrip('/') }}  # private/: uploads that only Django hands out
backups=/var/backups/$name
cache=${UV_CACHE_DIR:-/var/cache/$name}
units=/etc/systemd/system

step() { echo "-- $*" >&2; }
fail() { echo "$*" >&2; exit 1; }
link() { ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; }  # TARGET NAME, atomic

git() { # as the owner of the checkout, with their keys
    owner=$(stat -c %U "$checkout")
    runuser -u "$owner" -- env HOME="$(getent passwd "$owner" | cut -d: -f6)" git -C "$checkout" "$@"
}

# Run a command in a directory and, through the unit's name, in the application's sandbox, in which
# WRITABLE stays writable. Options of systemd-run can precede the command.
mode=--pipe
run() { # USER WRITABLE DIRECTORY COMMAND ARGUMENT…
    as=$1 writable=$2 directory=$3
    shift 3
    systemd-run --quiet --collect --wait $mode --service-type=exec --unit="$name-run-$$" --description="$domain: $task" \
        --property=User="$as" --property=ReadWritePaths="$writable" --property=WorkingDirectory="$directory" "$@"
}

python() { # RELEASE ARGUMENT…
    release=$1
    shift
    run "$user" "$state" "$release" --property=EnvironmentFile="$environment" "$release/.venv/bin/python" "$@"
}

manage() { mode="--pty --pipe" python "$home/current" manage.py "$@"; }  # --pty on a terminal

put() { # FILE TARGET: a file of nginx/ or deploy/systemd/, with the names of this instance
    sed -E -e 's#{{ cookiecutter.web_root | replace('.', '\\.') }}([/;]|$)#<root>\1#g' \
        -e 's#{{ cookiecutter.domain_name | replace('.', '-uploads.', 1) | replace('.', '\\.') }}#<uploads>#g' \
        -e 's#{{ cookiecutter.domain_name | replace('.', '\\.') }}#<domain>#g' \
        -e 's#((User|Group)=){{ cookiecutter.project_slug[:31] }}$#\1<user>#' \
        -e 's#(include |upstream |http://|/run/|/srv/|/etc/|/etc/nginx/|/var/lib/|/var/log/nginx/){{ cookiecutter.project_slug }}([^a-z0-9_]|$)#\1<name>\2#g' \
        -e 's#((Sockets|Service|After)=|Unit=deploy-){{ cookiecutter.project_slug }}-#\1<name>-#g' \
        -e 's#([$=]){{ cookiecutter.project_slug }}_(static_cache|media_disposition|login)#\1<name>_\2#g' \
        -e "s#<root>#$web_root#g; s#<uploads>#${domain%%.*}-uploads.${domain#*.}#g; s#<domain>#$domain#g" \
        -e "s#<user>#$user#g; s#<name>#$name#g" "$1" >"$2.new"
    mv "$2.new" "$2"
}

release() {
    new=$home/releases/$(date -u +%Y%m%d-%H%M%S)-$(git rev-parse --short HEAD)
    trap 'rm -rf "$new" "$new".*; failed' EXIT

    step "Testing nginx's configuration as it is"
    nginx -q -t
    share_files

    step "Copying HEAD of $checkout to $new"
    git status --porcelain | sed 's/^/Not committed, so not deployed: /' >&2
    mkdir "$new"
    git archive HEAD . ':(exclude).env' >"$new.tar"
    tar -xf "$new.tar" -C "$new" --no-same-owner --no-same-permissions

    # As the application's user, and no package is built, which would run its code. Exceptions:
    # no-binary-package of [tool.uv] in pyproject.toml.
    step "Installing the dependencies in uv.lock"
    install -d -o "$user" -g "$user" "$cache" "$new/.venv"
    cp "$UV" "$new.uv"  # the sandbox hides home directories
    # shellcheck disable=SC2046
    run "$user" "$cache $new/.venv" "$new" --setenv=UV_CACHE_DIR="$cache" --setenv=UV_PYTHON=python3 --setenv=UV_PYTHON_DOWNLOADS=never \
        $(env | sed -nE 's/^((UV_(IND|OFF|SYS|DEF)|SSL_)[A-Z_]*|[A-Za-z]+_(PROXY|proxy))=.*/--setenv=\1/p') \
        "$new.uv" sync --quiet --locked --no-dev --no-build --compile-bytecode --link-mode copy \
        $([ -z "$(value MEDIA_BUCKET)" ] || echo --extra s3)
    rm "$new.tar" "$new.uv"
    chown -R --no-dereference root:root "$new/.venv"
    chmod -R a+rX,go-w "$new/.venv"
    python3 -m compileall -q -x '/\.venv/' "$new"

    step "Checking the settings"
    python "$new" manage.py check --deploy --fail-level WARNING

    step "Collecting static files, next to those of earlier releases"
    run root "$public/static $new" "$new" --property=EnvironmentFile="$environment" \
        "$new/.venv/bin/python" manage.py collectstatic --noinput --verbosity 0

    step "Migrating the database"
    migrated="; migrations that ran stay applied"
    python "$new" manage.py migrate

    activate "$new"
    prune
}

install_sandbox() { # RELEASE OR CHECKOUT
    mkdir -p "$units/$name-.service.d"
    put "$1/deploy/systemd/sandbox.conf" "$units/$name-.service.d/10-sandbox.conf"
    systemctl daemon-reload
}

stage() { # RELEASE: install its units and nginx files, and start it as `next`
    link "$1" "$home/next"
    before=$(cat "$units/$name-web.socket" 2>/dev/null || true)
    for unit in "$1"/deploy/systemd/*.service "$1"/deploy/systemd/*.socket "$1"/deploy/systemd/*.timer; do
        put "$unit" "$units/$name-${unit##*/}"
    done
    [ -z "$(value LISTEN)" ] || sed -i "s#^ListenStream=.*#&\nListenStream=$(value LISTEN)\nFreeBind=yes#" "$units/$name-web.socket"
    for unit in "$1"/deploy/systemd/root/*; do
        put "$unit" "$units/deploy-$name-${unit##*/}"
    done
    install_sandbox "$1"
    systemd-analyze verify --man=no "$name-web@next.service" "$name-web.socket"

    # Copies, which are tested before nginx can read them: with one file missing, it starts for no site.
    conf=$(mktemp -d "/etc/nginx/$name.XXXXXX")
    chmod 755 "$conf"
    for file in "$1"/nginx/*.conf; do
        put "$file" "$conf/${file##*/}"
    done
    ! ls /etc/nginx/modules-enabled/*brotli-static* >/dev/null 2>&1 || echo 'brotli_static on;' >"$conf/brotli.conf"
    [ "$(value STAGING)" != 1 ] || protect "$conf"
    # This host's own application is for when the listed servers are down.
    servers=$(value APPLICATION_SERVERS | sed -E 's/([^,]+),?/server \1 max_fails=3 fail_timeout=10s; /g')
    [ -z "$servers" ] || sed -i "s#server unix.* fail_timeout=0#$servers& backup#" "$conf/site.conf"
    [ -e "/etc/nginx/$name" ] || link "${conf##*/}" "/etc/nginx/$name"
    ln -sf "../$name/site.conf" "/etc/nginx/sites-enabled/$name.conf"
    unshare --mount sh -c "mount --bind $conf /etc/nginx/$name && nginx -q -t"
    changed=$(diff -rq "/etc/nginx/$name/" "$conf" || true)
    link "${conf##*/}" "/etc/nginx/$name"
    find /etc/nginx -maxdepth 1 -type d -name "$name.*" ! -path "$conf" -exec rm -r {} +
    { [ -n "$old" ] && [ -z "$changed" ]; } || systemctl reload-or-restart nginx  # closes idle connections
    # systemd does not change a socket that a service uses: a change of it is not without downtime.
    [ "$before" = "$(cat "$units/$name-web.socket")" ] || systemctl stop "$name-web.socket" "$name-web@current"
    systemctl restart "$name-web@next"
}

protect() { # DIRECTORY: of a staging site's files for nginx
    echo 'add_header X-Robots-Tag "noindex, nofollow" always;' >"$1/staging.conf"
    login=$(value BASIC_AUTH)
    [ -n "$login" ] || return 0
    echo "auth_basic $domain; auth_basic_user_file /etc/nginx/$name/htpasswd;" >>"$1/staging.conf"
    echo "${login%%:*}:$(echo "${login#*:}" | openssl passwd -apr1 -stdin)" |
        install -m 640 -g www-data /dev/stdin "$1/htpasswd"
}

switch() { # RELEASE, with its units: zero downtime, `next` accepts connections while `current` restarts
    if [ "$(readlink -f "$home/current")" != "$1" ] || [ "$task" = restart ]; then
        sync  # after a power failure the link must not lead to incomplete files
        link "$1" "$home/current"
        systemctl restart "$name-web@current"
    fi
    systemctl enable --quiet --now "$name-web.socket" "$name-web@current"
    systemctl enable --quiet "deploy-$name-task@recover"
    # Units with [Install], such as a worker. Those that the release does not have are removed.
    for unit in $(cd "$1/deploy/systemd" && grep -l '^\[Install\]' ./*.* | grep -v '/web[.@]'); do
        systemctl enable --quiet "$name-${unit#./}"
        systemctl restart "$name-${unit#./}"
    done
    for unit in "$units/$name"-?*.*; do
        [ ! -f "$unit" ] || [ -e "$1/deploy/systemd/${unit##*/"$name"-}" ] || remove_unit "$unit"
    done
    systemctl --quiet stop "$name-web@next"  # at last: gunicorn misses the signal while workers start
    rm -f "$home/next"
}

remove_unit() { # FILE
    systemctl --quiet disable --now "${1##*/}" 2>/dev/null || true  # a template has no process
    rm "$1"
}

activate() { # RELEASE
    new=$1
    step "Requesting the home page"
    python "$new" -c "
import config.wsgi, django.test
page = django.test.Client(raise_request_exception=False, SERVER_NAME='$domain').get('/', secure=True)
assert page.status_code < 500 and page.status_code != 400, page"  # 400: ALLOWED_HOSTS
    trap failed EXIT
    [ -z "$old" ] || link "$old" "$home/undo"  # until the probe has passed: see recover

    step "Starting the new release beside the live one"
    stage "$new"

    step "Switching traffic; running requests have a minute to finish"
    switch "$new"

    step "Probing the live site"  # with PROBE_OPTIONS of $environment
    python "$new" manage.py probe --connect 127.0.0.1:443 --insecure
    trap - EXIT
    [ -z "$old" ] || [ "$old" = "$new" ] || link "$old" "$home/previous"
    rm -f "$home/undo"
    step "https://$domain/ is live, release ${new##*/}"
}

failed() { # make the previous release live again, or undo a first installation
    set +e  # as many of these steps as possible
    trap '' HUP INT TERM
    live="The previous release is still live"
    if [ -z "$old" ]; then
        live="Nothing was installed"
        # shellcheck disable=SC2086
        remove $created
    elif [ -e "$home/undo" ]; then
        stage "$old"
        switch "$old"
        rm -f "$home/undo"
    fi
    fail "The command failed at the step above. $live${migrated-}. Fix the problem and run \`make $task\` again. Log: journalctl -u '$name-*'"
}

restart() { # with a changed environment
    trap failed EXIT
    step "Checking the settings"
    python "$home/current" manage.py check --deploy --fail-level WARNING
    activate "$(readlink -f "$home/current")"
}

recover() { # at boot, after a power failure in a release: what is live was not probed
    task=release  # is what to run again if it fails
    [ ! -e "$home/undo" ] || restart
}

rollback() {
    previous=$(readlink "$home/previous" || echo none)
    target=$(find "$home/releases" -mindepth 1 -maxdepth 1 -type d -name "*${TO:-${previous##*/}}*")
    [ -d "$target" ] || fail "There is no previous release, or not exactly one with TO='${TO-}' in its name: run \`make releases\`."
    [ "$target" != "$(readlink -f "$home/current")" ] || fail "${target##*/} is live already."
    trap failed EXIT
    activate "$target"
}

releases() { ls "$home/releases"; echo "live: $(readlink "$home/current"), previous: $(readlink "$home/previous")"; }

prune() { # the newest five stay; the manifests of all releases tell which static files are used
    find "$home/releases" -mindepth 1 -maxdepth 1 -type d | sort | head -n -5 |
        grep -vxF "$(readlink "$home/current" "$home/previous")" |
        xargs -I RELEASE find RELEASE -maxdepth 0 -mtime "+${DAYS:-30}" -exec rm -r {} +
    cd "$public/static"
    find . -type f -mtime "+${DAYS:-30}" -printf '%P\0' | python3 -Ic '
import json, os, sys
paths = [json.load(open(manifest))["paths"] for manifest in sys.argv[1:]]
used = {name for names in paths for pair in names.items() for name in pair}
for file in sys.stdin.read().split("\0"):
    if file and file.removesuffix(".gz").removesuffix(".br") not in used:
        os.remove(file)' "$home"/releases/*/staticfiles.json
}

. "$checkout/deploy/install.sh"
. "$checkout/deploy/backup.sh"

[ "$(id -u)" = 0 ] || fail "Must be run as root."
task=$1; shift
[ "$task" = install ] || [ -e "$home/current" ] || fail "$name is not installed: there is no $home/current. Run \`make install\`."
if [ "$task" != manage ] && [ -z "${LOCKED-}" ]; then
    exec 9<"$home"  # a lock file in /run/lock could be taken by any user
    flock --nonblock 9 || fail "Another deploy command is running for $name. Wait until it has finished."
fi
trap 'exit 1' HUP INT TERM
# The release that is live and passed the probe.
old=$(readlink -e "$home/undo" || readlink -e "$home/current" || true)
case $task in
install) install_host; release ;;
release)
    if [ -z "${LOCKED-}" ]; then
        git pull --quiet --ff-only
        LOCKED=1 exec sh "$0" release  # this script may be another one now
    fi
    release
    ;;
manage | restart | rollback | recover | releases | backup | restore | copy | prune | uninstall) "$task" "$@" ;;
*) fail "Unknown command: $task" ;;
esac
