# shellcheck shell=sh disable=SC2154
# Part of deploy.sh: backups, and what is made from them.

save() { # ARCHIVE OPTION…: of tar
    mkdir -p "$backups"
    archive=$1
    shift
    trap 'rm -f "$state/database" "$archive.part"' EXIT  # when the command ends
    # On the disk of the database: on Debian 13, /tmp is memory.
    python "$home/current" -m deploy.database save "$state/database"
    # After the database, so that every file it names is saved. tar exits with 1 if one was added.
    (umask 077 && tar -cf "$archive.part" "$@" --exclude='.*.part' -C "$state" database -C "$public" media -C "$private" private) || [ $? = 1 ]
    mv "$archive.part" "$archive"
}

backup() {
    save "$backups/$(date -u +%Y%m%d-%H%M%S).tar"
    echo "$archive"
    [ -z "${KEEP-}" ] || find "$backups" -name '[0-9]*.tar' | sort | head -n "-$KEEP" | xargs -r rm
}

restore() {
    [ -f "${FROM-}" ] || fail "No backup at FROM='${FROM-}'. Run \`make restore FROM=$backups/….tar\`."
    step "Saving the database as it is in $backups/replaced.tar"
    save "$backups/replaced.new" --no-recursion
    step "Adding the uploads in $FROM to $public/media and $private/private"
    # As the application's user, who owns them from now on: they can be another instance's.
    runuser -u "$user" -- tar -xf - -C "$public" media -C "$private" private <"$FROM"
    step "Replacing the database"
    (umask 077 && tar -xOf "$FROM" database | runuser -u "$user" -- tee "$state/database" >/dev/null)
    python "$home/current" -m deploy.database load "$state/database"
    mv "$backups/replaced.new" "$backups/replaced.tar"  # which FROM can be
    python "$home/current" manage.py migrate --verbosity 0
}

copy() { # database and uploads of another instance, into a staging site
    [ "$(value STAGING)" = 1 ] || fail "$environment has no STAGING=1: the database of this site is not replaced by another's."
    [ -e "/srv/${FROM:-?}/current" ] || fail "FROM='${FROM-}' is not an instance on this server: there is no /srv/${FROM-}/current."
    step "Backing up $FROM"
    FROM=$(KEEP='' sh "/srv/$FROM/checkout/deploy/deploy.sh" backup)
    restore
    rm "$FROM"
}
