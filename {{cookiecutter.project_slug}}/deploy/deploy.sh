#!/bin/sh
# The site on its server. As root, in the checkout: make install, release, rollback, backup,
# restore, prune, or sh deploy/deploy.sh manage … for Django's commands.
#
# /srv/{{ cookiecutter.project_slug }}/checkout      the repository: releases are made from it
# /srv/{{ cookiecutter.project_slug }}/releases/     one folder a release: code, dependencies, names of its static files
# /srv/{{ cookiecutter.project_slug }}/current       link to the release that runs; `previous` to the one before
# /etc/{{ cookiecutter.project_slug }}.env           the environment, with the secret: root's alone
#
# Each step may be repeated. Until a release runs, the one before keeps running as it was.
set -eu
umask 022  # what is released is read by the application and by nginx

slug={{ cookiecutter.project_slug }}
user={{ cookiecutter.project_slug[:31] }}  # systemd's limit
domain={{ cookiecutter.domain_name }}
web_root={{ cookiecutter.web_root }}
served=$web_root{{ cookiecutter.served_url.rstrip('/') }}
home=/srv/$slug
environment=/etc/$slug.env
state=/var/lib/$slug  # the database, and below it private uploads
private=$state{{ cookiecutter.served_url.rstrip('/') }}
writes=$state
checkout=$(cd "$(dirname "$0")/.." && pwd -P)

say() { echo "-- $*" >&2; }
fail() {
    echo "$*" >&2
    exit 1
}

# python RELEASE USER …: Python as the service runs it: with its environment and, by the name of
# the unit, its sandbox.
python() {
    release=$1 as=$2
    shift 2
    systemd-run --quiet --collect --wait "${terminal:---pipe}" --service-type=exec --unit="$slug-run-$$" --description="$domain: $1 $2" \
        --property=User="$as" --property=EnvironmentFile="$environment" \
        --property=WorkingDirectory="$release" --property=ReadWritePaths="$writes" \
        "$release/.venv/bin/python" "$@"
}

link() { # TARGET NAME: in one step, so that there is no moment without the link
    ln -sfn "$1" "$2.new" && mv -T "$2.new" "$2"
}

# -- install --------------------

install_machine() {
    if ! getent passwd "$user" >/dev/null; then
        for taken in /etc/nginx/$slug "$state" /etc/systemd/system/"$slug"-*; do
            [ ! -e "$taken" ] || fail "$taken exists and is not this site's: render the project with another slug."
        done
        say "Making the user $user"
        useradd --system --user-group --home-dir "$home" --no-create-home --shell /usr/sbin/nologin "$user"
    elif [ "$(getent passwd "$user" | cut -d: -f6)" != "$home" ]; then
        fail "The user $user exists and is not this site's: render the project with another slug."
    fi

    say "Making folders"
    install -d -m 755 "$home/releases" "$web_root" "$served" "$served/static"
    install -d -m 710 -o "$user" -g "$user" "$state"
    install -d -m 750 -o "$user" -g "$user" "$served/media" "$private/private"
    usermod --append --groups "$user" www-data  # nginx

    if [ ! -e "$environment" ]; then
        say "Making a secret, in $environment"
        secret=$(python3 -c "import secrets; print(secrets.token_urlsafe(50))")
        (umask 077 && sed "s/^SECRET_KEY=.*/SECRET_KEY=$secret/" "$checkout/.env.example" >"$environment.new")
        mv "$environment.new" "$environment"
    fi

    if [ ! -e "/etc/ssl/$domain" ]; then
        say "Making a certificate, until there is a real one"
        folder=/etc/ssl/$domain.self-signed
        mkdir -p "$folder"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj /CN=self-signed -addext "subjectAltName=DNS:$domain,DNS:www.$domain" \
            -keyout "$folder/privkey.pem" -out "$folder/fullchain.pem" 2>/dev/null
        link "$folder" "/etc/ssl/$domain"
    fi

    say "Setting the sandbox and nginx up"
    install -D -m 644 "$checkout/deploy/systemd/sandbox.conf" "/etc/systemd/system/$slug-.service.d/10-sandbox.conf"
    [ "$(readlink /etc/nginx/sites-enabled/default)" != /etc/nginx/sites-available/default ] ||
        rm /etc/nginx/sites-enabled/default  # there can be one default server only
    install -m 644 "$checkout/nginx/default_server.conf" /etc/nginx/conf.d/default_server.conf
    version=$(nginx -v 2>&1 | sed 's|.*/||; s| .*||')
    if printf '1.25.1\n%s\n' "$version" | sort -C -V; then
        sed -i '/listen/s/ http2//' /etc/nginx/conf.d/default_server.conf
        install -m 644 "$checkout/nginx/optional/http2.conf" /etc/nginx/conf.d/http2.conf
    fi
    systemctl daemon-reload
    nginx -q -t
    limits=/etc/systemd/system/nginx.service.d/sites.conf
    if ! cmp -s "$checkout/deploy/systemd/nginx.service.d.conf" $limits; then
        install -D -m 644 "$checkout/deploy/systemd/nginx.service.d.conf" $limits
        systemctl daemon-reload
        systemctl restart nginx
    fi
    systemctl start nginx
}

# -- release --------------------

build() { # sets $new
    stays=
    revision=$(git -C "$checkout" rev-parse --short HEAD)
    new=$home/releases/$(date -u +%Y%m%d-%H%M%S)-$revision
    trap 'rm -rf "$new" "$new.tar"; echo "The release stopped at the step above. The site runs as before$stays: mend it, and release again." >&2' EXIT
    trap 'exit 1' HUP INT TERM

    say "Unpacking $revision into $new"
    mkdir "$new"
    git -C "$checkout" archive --output="$new.tar" HEAD
    tar -xf "$new.tar" -C "$new"
    rm "$new.tar"

    ! ls /etc/nginx/modules-enabled/*brotli-static* >/dev/null 2>&1 ||
        cp "$new/nginx/optional/brotli.conf" "$new/nginx/"

    say "Installing what uv.lock says"
    (cd "$new" && UV_PYTHON=python3 UV_PYTHON_DOWNLOADS=never "$UV" sync --quiet --locked --no-dev --compile-bytecode)
    python3 -m compileall -q -x '/\.venv/' "$new"

    say "Checking the settings"
    python "$new" "$user" manage.py check --deploy --fail-level WARNING

    say "Collecting static files, beside those of the releases before"
    writes="$served/static $new"
    python "$new" root manage.py collectstatic --noinput --verbosity 0
    writes=$state

    say "Migrating the database"
    stays=", but with each migration that it applied"
    python "$new" "$user" manage.py migrate

    say "Asking for the first page"
    python "$new" "$user" -c '
import sys
from config.wsgi import application
from django.conf import settings
from django.test import Client
page = Client(raise_request_exception=False).get("/", secure=True, headers={"host": settings.DOMAIN})
sys.exit(f"/ answers {page.status_code}." if page.status_code >= 500 else 0)'
    trap - EXIT HUP INT TERM
}

# Units and nginx's files of a release.
configure() {
    for unit in "$1"/deploy/systemd/*.service "$1"/deploy/systemd/*.socket "$1"/deploy/systemd/*.timer; do
        install -m 644 "$unit" "/etc/systemd/system/$slug-${unit##*/}"
    done
    install -D -m 644 "$1/deploy/systemd/sandbox.conf" "/etc/systemd/system/$slug-.service.d/10-sandbox.conf"
    systemctl daemon-reload
    systemd-analyze verify --man=no "$slug-web@next.service" "$slug-web.socket"

    link "$1/nginx" /etc/nginx/$slug
    ln -sf ../$slug/site.conf /etc/nginx/sites-enabled/$slug.conf
    nginx -q -t
    if ! diff -rq "${serving:-/nonexistent}" "$1/nginx" >/dev/null 2>&1; then
        systemctl reload-or-restart nginx  # cuts idle connections: only with a reason
        serving=$1/nginx
    fi
}

# Let a release take over: while one instance restarts, the other takes the connections.
activate() {
    new=$1
    old=$(readlink -e $home/current || true)
    serving=${old:+$old/nginx}
    trap undo EXIT
    trap 'exit 1' HUP INT TERM

    say "Starting the release beside the running one"
    link "$new" $home/next
    configure "$new"
    systemctl start $slug-web@next

    say "Handing over"
    link "$new" $home/current
    systemctl restart $slug-web@current
    systemctl enable --quiet --now $slug-web.socket $slug-web@current $slug-daily.timer
    systemctl --quiet stop $slug-web@next
    rm $home/next

    say "Asking the site"
    python "$new" "$user" manage.py probe --connect 127.0.0.1:443 --insecure
    trap - EXIT HUP INT TERM
    [ -z "$old" ] || [ "$old" = "$new" ] || link "$old" $home/previous
    say "https://$domain/ runs ${new##*/}"
}

# Give the site back to the release before.
undo() {
    set +e  # do as much of it as can be done
    trap - EXIT
    trap '' HUP INT TERM
    if [ -z "$old" ]; then
        rm -f /etc/nginx/sites-enabled/$slug.conf
        systemctl --quiet disable --now $slug-web.socket $slug-web@next $slug-web@current $slug-daily.timer
        rm -f $home/next $home/current
        systemctl reload nginx
        fail "The site could not be started: the step above says why. journalctl -u '$slug-*' says more."
    fi
    link "$old" $home/next
    configure "$old"
    if [ "$(readlink -f $home/current)" != "$old" ]; then
        systemctl restart $slug-web@next
        link "$old" $home/current
        systemctl restart $slug-web@current
    fi
    systemctl --quiet stop $slug-web@next
    rm -f $home/next
    fail "The release failed at the step above: journalctl -u '$slug-*' says more. ${old##*/} runs as before${stays-}."
}

# -- back-ups --------------------

backup() {
    umask 077
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    python $home/current "$user" deploy/database.py save >"$work/database"
    mkdir -p /var/backups/$slug
    to=/var/backups/$slug/$(date -u +%Y%m%d-%H%M%S).tar
    # The database first: a file that it names is there already, and no upload is ever changed;
    # 1 only says that a folder got another one meanwhile.
    tar -cf "$to.part" --exclude='.*.part' -C "$work" database -C "$served" media -C "$private" private || [ $? = 1 ]
    mv "$to.part" "$to"
    echo "$to"
}

restore() {
    [ -f "${FROM-}" ] || fail "Say which: make restore FROM=/var/backups/$slug/….tar"
    say "Adding the uploads of $FROM to those in $served/media and $private/private"
    tar -xf "$FROM" -C "$served" media
    tar -xf "$FROM" -C "$private" private
    say "Replacing the database"
    tar -xOf "$FROM" database | python $home/current "$user" deploy/database.py load
    python $home/current "$user" manage.py migrate --verbosity 0
}

prune() {
    days=${DAYS:-30}
    say "Removing releases and static files that nothing has named for $days days"
    for release in $(find $home/releases -mindepth 1 -maxdepth 1 -mtime "+$days"); do
        [ "$release" = "$(readlink -f $home/current)" ] || [ "$release" = "$(readlink -f $home/previous)" ] ||
            rm -rf "$release"
    done
    python3 - "$served/static" "$days" $home/releases/*/staticfiles.json <<'END'
import json, pathlib, sys, time
root, days, *manifests = sys.argv[1:]
named = set()
for manifest in manifests:
    for pair in json.loads(pathlib.Path(manifest).read_text())["paths"].items():
        named.update(pair)
for file in pathlib.Path(root).rglob("*"):
    name = str(file.relative_to(root)).removesuffix(".gz").removesuffix(".br")
    if file.is_file() and name not in named and file.stat().st_mtime < time.time() - int(days) * 86400:
        file.unlink()
END
}

# --------------------

[ "$(id -u)" = 0 ] || fail "This changes the machine: run it as root."
task=$1
shift
if [ "$task" = manage ]; then
    [ ! -t 0 ] || [ ! -t 1 ] || terminal=--pty
    python $home/current "$user" manage.py "$@"
    exit
fi
mkdir -p $home
exec 9<$home  # a lock in /run/lock could be taken by anybody
flock --nonblock 9 || fail "Another of these commands is running for $slug: wait for it."
case $task in
install)
    install_machine
    build
    activate "$new"
    ;;
release)
    [ -e $home/current ] || fail "There is no site yet: make install."
    build
    activate "$new"
    ;;
rollback)
    [ -e $home/previous ] || fail "There is no release before this one."
    activate "$(readlink -f $home/previous)"
    ;;
backup | restore | prune) "$task" ;;
*) fail "There is no task $task." ;;
esac
