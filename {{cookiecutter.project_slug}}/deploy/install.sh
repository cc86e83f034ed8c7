# shellcheck shell=sh disable=SC2154
# Part of deploy.sh: installs the site on a server, or removes it.

install_host() {
    if [ "${NAME:-$name}" != "$name" ]; then
        step "Cloning the repository into /srv/$NAME/checkout"
        [ -e "/srv/$NAME/checkout" ] || env git clone --quiet "$(git remote get-url origin)" "/srv/$NAME/checkout"
        exec sh "/srv/$NAME/checkout/deploy/deploy.sh" install
    fi
    step "Checking the server"
    check_host
    created="$home/releases $home/next $home/current"
    for path in "$environment" "$state" "$public/media" "$public/static" "/etc/ssl/$domain" "/etc/ssl/$domain.self-signed"; do
        [ -e "$path" ] || created="$created $path"
    done
    trap failed EXIT

    step "Creating the user $user and directories"
    systemd-sysusers --inline "u $user - - $home" "m www-data $user"  # nginx is in its group
    # Of a site that was removed: the number of its user may be another one.
    [ "$(stat -c %U "$state" 2>/dev/null || echo "$user")" = "$user" ] || chown -R "$user:$user" "$state" "$public/media"
    install -d -m 755 "$home/releases" "$web_root" "$public" "$public/static"
    install -d -m 710 -o "$user" -g "$user" "$state"
    install -d -m 750 -o "$user" -g "$user" "$public/media" "$private/private"

    if [ ! -e "$environment" ]; then
        step "Generating SECRET_KEY in $environment"
        (umask 077 && { sed "s/^SECRET_KEY=.*/SECRET_KEY=$(openssl rand -hex 32)/" "$checkout/server.env.example"; printf '\nDOMAIN=%s\n' "$domain"; } >"$environment.new")
        [ "$name" = {{ cookiecutter.project_slug }} ] ||
            printf 'STAGING=1\nWEB_ROOT=%s\nSTATE_DIR=%s\n' "$web_root" "$state" >>"$environment.new"
        mv "$environment.new" "$environment"
    fi
    if [ ! -e "/etc/ssl/$domain/fullchain.pem" ]; then
        step "Generating a self-signed certificate"
        mkdir -p "/etc/ssl/$domain.self-signed"
        link "$domain.self-signed" "/etc/ssl/$domain"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj /CN=self-signed -addext "subjectAltName=DNS:$domain,DNS:www.$domain" \
            -keyout "/etc/ssl/$domain/privkey.pem" -out "/etc/ssl/$domain/fullchain.pem" 2>/dev/null
    fi
    [ "$(readlink /etc/nginx/sites-enabled/default)" != /etc/nginx/sites-available/default ] ||
        mv /etc/nginx/sites-enabled/default /etc/nginx/default.replaced  # nginx allows one default server
    install_sandbox "$checkout"
}

check_host() { # before anything is created
    python3 -c "import sys; sys.exit(sys.version_info < (3, {{ '11' if cookiecutter.django_version == '5.2' else '12' }}))" ||
        fail "$(python3 --version) is too old: Django {{ cookiecutter.django_version }} needs Python 3.{{ '11' if cookiecutter.django_version == '5.2' else '12' }}. Use a newer Debian or Ubuntu."
    git cat-file -e HEAD:uv.lock || fail "uv.lock is not committed. Run \`make test\` where you develop, commit it, and pull."
    echo "$home" | grep -qxE '/srv/[a-z][a-z0-9_]*' || fail "$checkout is not /srv/NAME/checkout, with NAME of a-z, 0-9 and _. Clone the repository there."
    taken=$(getent passwd "$user" | cut -d: -f6)
    [ -n "$taken" ] || taken=$(find /etc/nginx "$units" /usr/lib/systemd/system -maxdepth 1 \( -name "$name" -o -name "$name-*" \))
    [ -z "$taken" ] || [ "$taken" = "$home" ] || fail "$name is the name of something else on this server: $taken. Clone the repository into another /srv/NAME/checkout."
    nginx -q -t || fail "The configuration of nginx has an error: all sites of this server depend on it. Fix it first."
    for file in /etc/nginx/conf.d/*.conf /etc/nginx/sites-enabled/*; do
        case $file in */default_server.conf | */machine.conf | */sites-enabled/default | */sites-enabled/"$name".conf) continue ;; esac
        ! grep -qsE '^[^#]*listen[^;#]*default_server' "$file" ||
            fail "$file has a default server, and nginx allows one: remove \`default_server\` from its listen lines."
        ! grep -qsE "^[^#]*server_name[^;#]* ${domain}[ ;]" "$file" || fail "$file already serves $domain. Pass another name: DOMAIN=…"
    done
    for host in "$domain" "www.$domain"; do
        getent hosts "$host" >/dev/null || echo "$host has no DNS record: Let's Encrypt will refuse it." >&2
    done
}

share_files() { # what all sites of a server share, unless this version or a newer one is there
    default=/etc/nginx/conf.d/default_server.conf
    limits=$units/nginx.service.d/sites.conf
    # The installed version, if there is one, and that of the checkout, strictly ascending.
    grep -shom 1 '^# Version [0-9]*' $default "$checkout/nginx/default_server.conf" | sort -CVu || return 0
    step "Configuring what all sites of this server share"
    rm -f /etc/nginx/conf.d/machine.conf /etc/nginx/conf.d/http2.conf  # of earlier versions
    install -b -S .old -m 644 "$checkout/nginx/default_server.conf" $default
    ! printf '1.25.1\n%s\n' "$(nginx -v 2>&1 | sed 's|.*/||; s| .*||')" | sort -C -V ||
        sed -i 's/ http2 default_server/ default_server/; 1a http2 on;' $default
    nginx -q -t || { mv $default.old $default || rm $default; exit 1; }
    rm -f $default.old
    if ! cmp -s "$checkout/deploy/systemd/nginx.service.d.conf" "$limits"; then
        install -D -m 644 "$checkout/deploy/systemd/nginx.service.d.conf" "$limits"
        systemctl daemon-reload
        systemctl restart nginx
    fi
}

uninstall() {
    [ "${DATA-}" != delete ] || set -- "$public/media" "$state" "$backups"
    remove "$environment" "$home" "$public/static" "/etc/ssl/$domain" "/etc/ssl/$domain.self-signed" "$@"
    [ ! -e "/etc/letsencrypt/renewal/$domain.conf" ] || certbot --quiet delete --non-interactive --cert-name "$domain"
    step "$domain was removed"
    [ -e "$state" ] || return 0
    chown -R root:root "$state" "$public/media"  # not of a user who gets this number
    step "Kept, and used again by \`make install\`: $public/media, $state. DATA=delete deletes them"
}

remove() { # PATH…: these, and all but data, environment and checkout
    for unit in "$units/$name"-?*.* "$units/deploy-$name"-*; do
        [ ! -f "$unit" ] || remove_unit "$unit"
    done
    systemctl --quiet stop "$name-*" || true
    systemctl reset-failed "$name-*" || true
    find /etc/nginx/sites-enabled -lname "*/$name/*" -delete
    rm -rf "$units/$name-.service.d" "/etc/nginx/$name" "/etc/nginx/$name".*
    if ! ls /etc/nginx/*/site.conf >/dev/null 2>&1; then  # it was the last one
        rm -rf /etc/nginx/conf.d/default_server.conf "$units/nginx.service.d/sites.conf"
        [ ! -e /etc/nginx/default.replaced ] || mv /etc/nginx/default.replaced /etc/nginx/sites-enabled/default
    fi
    systemctl daemon-reload
    systemctl reload nginx
    rm -rf "/var/cache/$name" "/etc/sudoers.d/$name" /var/log/nginx/"$name".access.log* /var/lib/systemd/timers/stamp-"$name"-* /var/lib/systemd/timers/stamp-deploy-"$name"-*
    ! getent group "$user" >/dev/null || gpasswd --delete www-data "$user" >/dev/null
    ! getent passwd "$user" >/dev/null || userdel "$user"
    rm -rf "$@"  # at last: until then it can be repeated
    rmdir --parents --ignore-fail-on-non-empty "$units/nginx.service.d" "$public" 2>/dev/null || true
}
