#!/bin/sh
# Deploys the site on its server, as root. `make install`, `release`, `rollback`, `backup`, `restore`
# and `prune` run this script; `sh deploy/deploy.sh manage …` runs Django's commands. All of them can
# be repeated, and the previous release stays live until the new one works.
#
# /srv/client_site/checkout      the Git repository: a release is a copy of its HEAD
# /srv/client_site/releases/     a directory per release: code, dependencies, static files manifest
# /srv/client_site/current       link to the live release; `previous` to the one before
# /etc/client_site.env           environment variables, SECRET_KEY among them: for root only
set -eu
umask 022  # the application's user and nginx read what root writes

slug=client_site
user=client_site  # at most 31 characters, by systemd
domain=client-site.example
web_root=/var/www/client-site.example
public=$web_root/s  # static/ and media/
state=/var/lib/$slug  # the SQLite database
private=$state/s  # private/: uploads that only Django hands out
home=/srv/$slug
environment=/etc/$slug.env
checkout=$(cd "$(dirname "$0")/.." && pwd -P)

step() { echo "-- $*" >&2; }
fail() { echo "$*" >&2; exit 1; }
link() { ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"; }  # TARGET NAME, atomic
python() { run "$user" "$state" "$@"; }  # RELEASE ARGUMENT…

# Run Python in a release with the application's environment and, through the unit's name, its
# sandbox, in which WRITABLE stays writable.
mode=--pipe
run() { # USER WRITABLE RELEASE ARGUMENT…
    as=$1 writable=$2 release=$3
    shift 3
    systemd-run --quiet --collect --wait $mode --service-type=exec --unit="$slug-run-$$" \
        --description="$domain: $1 ${2-}" --property=User="$as" --property=EnvironmentFile="$environment" \
        --property=WorkingDirectory="$release" --property=ReadWritePaths="$writable" \
        "$release/.venv/bin/python" "$@"
}

manage() {
    [ ! -t 0 ] || [ ! -t 1 ] || mode=--pty
    python $home/current manage.py "$@"
}

install_host() {
    if ! getent passwd "$user" >/dev/null; then
        for path in /etc/nginx/$slug "$state" /etc/systemd/system/"$slug"-*; do
            [ ! -e "$path" ] || fail "$path belongs to something else. Render the project with another slug than $slug."
        done
        step "Creating the user $user"
        useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$user"
    elif [ "$(getent passwd "$user" | cut -d: -f6)" != "$home" ]; then
        fail "The user $user belongs to something else. Render the project with another slug than $slug."
    fi

    step "Creating directories"
    install -d -m 755 "$home/releases" "$web_root" "$public" "$public/static"
    install -d -m 710 -o "$user" -g "$user" "$state"
    install -d -m 750 -o "$user" -g "$user" "$public/media" "$private/private"
    usermod --append --groups "$user" www-data  # nginx

    if [ ! -e "$environment" ]; then
        step "Generating SECRET_KEY in $environment"
        secret=$(python3 -c "import secrets; print(secrets.token_urlsafe(50))")
        (umask 077 && sed "s/^SECRET_KEY=.*/SECRET_KEY=$secret/" "$checkout/server.env.example" >"$environment.new")
        mv "$environment.new" "$environment"
    fi

    if [ ! -e "/etc/ssl/$domain" ]; then
        step "Generating a self-signed certificate"
        certificate=/etc/ssl/$domain.self-signed
        mkdir -p "$certificate"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj /CN=self-signed -addext "subjectAltName=DNS:$domain,DNS:www.$domain" \
            -keyout "$certificate/privkey.pem" -out "$certificate/fullchain.pem" 2>/dev/null
        link "$certificate" "/etc/ssl/$domain"
    fi

    step "Configuring nginx and the sandbox"
    [ "$(readlink /etc/nginx/sites-enabled/default)" != /etc/nginx/sites-available/default ] ||
        rm /etc/nginx/sites-enabled/default  # nginx allows one default server
    rm -f /etc/nginx/conf.d/machine.conf  # an earlier name of the next file
    install -m 644 "$checkout/nginx/default_server.conf" /etc/nginx/conf.d/default_server.conf
    if printf '1.25.1\n%s\n' "$(nginx -v 2>&1 | sed 's|.*/||; s| .*||')" | sort -C -V; then
        sed -i '/listen/s/ http2//' /etc/nginx/conf.d/default_server.conf
        echo 'http2 on;' >/etc/nginx/conf.d/http2.conf
    fi
    nginx -q -t
    limits=/etc/systemd/system/nginx.service.d/sites.conf
    cmp -s "$checkout/deploy/systemd/nginx.service.d.conf" $limits || restart=yes
    install -D -m 644 "$checkout/deploy/systemd/nginx.service.d.conf" $limits
    install -D -m 644 "$checkout/deploy/systemd/sandbox.conf" "/etc/systemd/system/$slug-.service.d/10-sandbox.conf"
    systemctl daemon-reload
    [ -z "${restart-}" ] || systemctl restart nginx
    systemctl start nginx
}

release_failed() {
    live="The previous release is still live"
    [ -e $home/current ] || live="The site is not live"
    fail "Release failed at the step above. $live${migrated-}. Fix the problem and run \`make $task\` again. Log: journalctl -u '$slug-*'"
}

release() {
    new=$home/releases/$(date -u +%Y%m%d-%H%M%S)-$(git -C "$checkout" rev-parse --short HEAD)
    trap 'rm -rf "$new" "$new.tar"; release_failed' EXIT

    step "Copying HEAD of $checkout to $new"
    mkdir "$new"
    git -C "$checkout" archive --output="$new.tar" HEAD . ':(exclude).env'
    tar -xf "$new.tar" -C "$new"
    rm "$new.tar"
    ! ls /etc/nginx/modules-enabled/*brotli-static* >/dev/null 2>&1 ||
        echo 'brotli_static on;' >"$new/nginx/brotli.conf"

    step "Installing the dependencies in uv.lock"
    (cd "$new" && UV_PYTHON=python3 UV_PYTHON_DOWNLOADS=never "$UV" sync --quiet --locked --no-dev --compile-bytecode)
    python3 -m compileall -q -x '/\.venv/' "$new"

    step "Checking the settings"
    python "$new" manage.py check --deploy --fail-level WARNING

    step "Collecting static files, next to those of earlier releases"
    run root "$public/static $new" "$new" manage.py collectstatic --noinput --verbosity 0

    step "Migrating the database"
    migrated="; migrations that ran stay applied"
    python "$new" manage.py migrate

    step "Requesting the home page"
    python "$new" -c "
import config.wsgi, django.test
page = django.test.Client(raise_request_exception=False, SERVER_NAME='$domain').get('/', secure=True)
assert page.status_code < 500, page"
    activate "$new"
}

stage() { # RELEASE: install its units and nginx files, and start it as `next`
    link "$1" $home/next
    for unit in "$1"/deploy/systemd/*.service "$1"/deploy/systemd/*.socket "$1"/deploy/systemd/*.timer; do
        install -m 644 "$unit" "/etc/systemd/system/$slug-${unit##*/}"
    done
    install -D -m 644 "$1/deploy/systemd/sandbox.conf" "/etc/systemd/system/$slug-.service.d/10-sandbox.conf"
    systemctl daemon-reload
    systemd-analyze verify --man=no "$slug-web@next.service" "$slug-web.socket"
    link "$1/nginx" /etc/nginx/$slug
    ln -sf ../$slug/site.conf /etc/nginx/sites-enabled/$slug.conf
    nginx -q -t
    if ! diff -rq "$loaded/nginx" "$1/nginx" >/dev/null 2>&1; then
        systemctl reload-or-restart nginx  # closes idle connections
        loaded=$1
    fi
    systemctl restart $slug-web@next
}

switch() { # RELEASE: zero downtime, `next` accepts connections while `current` restarts
    if [ "$(readlink -f $home/current)" != "$1" ]; then
        link "$1" $home/current
        systemctl restart $slug-web@current
    fi
    systemctl --quiet stop $slug-web@next
    rm -f $home/next
}

activate() { # RELEASE
    new=$1
    old=$(readlink -e $home/current || true)
    loaded=$old  # the release whose files nginx has loaded
    trap undo EXIT

    step "Starting the new release beside the live one"
    stage "$new"

    step "Switching traffic"
    switch "$new"
    systemctl enable --quiet --now $slug-web.socket $slug-web@current $slug-daily.timer

    step "Probing the live site"  # with PROBE_OPTIONS of $environment
    python "$new" manage.py probe --connect 127.0.0.1:443 --insecure
    trap - EXIT
    [ -z "$old" ] || link "$old" $home/previous
    step "https://$domain/ is live, release ${new##*/}"
}

undo() { # make the previous release live again, or stop a first installation
    set +e  # as many of these steps as possible
    trap '' HUP INT TERM
    if [ -n "$old" ]; then
        stage "$old"
        switch "$old"
    else
        rm -f /etc/nginx/sites-enabled/$slug.conf $home/next $home/current
        systemctl --quiet disable --now $slug-web.socket $slug-web@next $slug-web@current $slug-daily.timer
        systemctl reload nginx
    fi
    release_failed
}

rollback() {
    [ -e $home/previous ] || fail "There is no previous release to roll back to."
    activate "$(readlink -f $home/previous)"
}

backup() {
    umask 077
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python $home/current -m deploy.database save >"$work/database"
    mkdir -p /var/backups/$slug
    archive=/var/backups/$slug/$(date -u +%Y%m%d-%H%M%S).tar
    # After the database, so that every file it names is saved. tar exits with 1 if one was added.
    tar -cf "$archive.part" --exclude='.*.part' -C "$work" database -C "$public" media -C "$private" private || [ $? = 1 ]
    mv "$archive.part" "$archive"
    echo "$archive"
}

restore() {
    [ -f "${FROM-}" ] || fail "No backup at FROM='${FROM-}'. Run \`make restore FROM=/var/backups/$slug/….tar\`."
    step "Adding the uploads in $FROM to $public/media and $private/private"
    tar -xf "$FROM" -C "$public" media
    tar -xf "$FROM" -C "$private" private
    step "Replacing the database"
    tar -xOf "$FROM" database | python $home/current -m deploy.database load
    python $home/current manage.py migrate --verbosity 0
}

prune() { # the manifests of all releases tell which static files are used
    days=${DAYS:-30}
    step "Removing releases and static files unused for $days days"
    find $home/releases -mindepth 1 -maxdepth 1 -mtime "+$days" \
        ! -name "$(basename "$(readlink $home/current)")" \
        ! -name "$(basename "$(readlink $home/previous)")" -exec rm -r {} +
    python3 - "$public/static" "$days" $home/releases/*/staticfiles.json <<'END'
import json, pathlib, sys, time
root, days, *manifests = sys.argv[1:]
paths = [json.loads(pathlib.Path(manifest).read_text())["paths"] for manifest in manifests]
used = {name for names in paths for pair in names.items() for name in pair}
for file in pathlib.Path(root).rglob("*"):
    name = str(file.relative_to(root)).removesuffix(".gz").removesuffix(".br")
    if file.is_file() and name not in used and file.stat().st_mtime < time.time() - int(days) * 86400:
        file.unlink()
END
}

[ "$(id -u)" = 0 ] || fail "Must be run as root."
task=$1
shift
[ "$task" = install ] || [ -e $home/current ] || fail "Not installed yet: run \`make install\`."
if [ "$task" != manage ]; then
    mkdir -p $home
    exec 9<$home  # a lock file in /run/lock could be taken by any user
    flock --nonblock 9 || fail "Another deploy command is running for $slug. Wait until it has finished."
fi
trap 'exit 1' HUP INT TERM
case $task in
install) install_host; release ;;
manage | release | rollback | backup | restore | prune) "$task" "$@" ;;
*) fail "Unknown command: $task" ;;
esac
