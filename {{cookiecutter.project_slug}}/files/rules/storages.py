"""Storages: Django obeys them, and what they write can be read by those who must."""

from .base import KINDS, Found, Site, rule

# What earlier versions of Django read, and where its value belongs now.
REMOVED = {
    "DEFAULT_FILE_STORAGE": "Move its value to STORAGES['default'].",  # 5.1
    "STATICFILES_STORAGE": "Move its value to STORAGES['staticfiles'].",  # 5.1
    "ADMIN_MEDIA_PREFIX": "Delete it: the admin's files are static files.",  # 1.4
}
# Where storages of static files come from; those that hash have Manifest in their names.
KNOWN = ("django.", "servestatic.", "storages.", "whitenoise.")


@rule("E021")
def default_storage(site: Site) -> Found:
    """Without "default" every upload fails.

    Seen: nickjj, oliverandrich and schablone set STORAGES and forgot it; Django asks only for
    "staticfiles".
    """
    storages = site.get("STORAGES") or {}
    if "default" not in storages:
        yield (
            f"STORAGES has {', '.join(map(repr, storages)) or 'nothing'}, but no 'default', so no"
            " upload can be stored.",
            'Add "default": setting STORAGES replaces Django\'s own value as a whole.',
        )


@rule("E022", django="staticfiles.E005")
def static_storage(site: Site) -> Found:
    """Without "staticfiles" collectstatic and every page with a stylesheet fail.

    Seen: Django's own check says so; here for the hook, which has no Django.
    """
    storages = site.get("STORAGES") or {}
    if "staticfiles" not in storages:
        yield (
            f"STORAGES has {', '.join(map(repr, storages)) or 'nothing'}, but no 'staticfiles'.",
            'Add "staticfiles": setting STORAGES replaces Django\'s own value as a whole.',
        )


@rule("E023")
def removed_settings(site: Site) -> Found:
    """Django ignores a removed setting without a word: uploads go where nobody looks.

    Seen: wemake, scaf (every upload is lost, issue 36), HackSoft and django-production.
    """
    for name, hint in REMOVED.items():
        if site.get(name) is not None:
            yield f"{name} is {site.get(name)!r}, but Django no longer reads it.", hint


@rule("E024")
def static_names_hashed(site: Site) -> Found:
    """With a plain storage, browsers keep yesterday's stylesheet after a release.

    Seen: wemake on Django 6.0, whose manifest storage stands in a setting that is not read.
    """
    backend, _ = site.storage("STATIC")
    if not site.local_dev and backend.startswith(KNOWN) and "Manifest" not in backend:
        yield (
            f"STORAGES['staticfiles'] is {backend!r}, which gives files no hashed names, but nginx"
            " lets browsers keep static files.",
            "Use django.contrib.staticfiles.storage.ManifestStaticFilesStorage on a server.",
        )


@rule("E025")
def modes_for_nginx(site: Site) -> Found:
    """nginx answers 403 for a file that it may not read.

    Seen: FILE_UPLOAD_PERMISSIONS = None keeps the 0600 of large uploads' temporary files (SO
    51439689); 644 without 0o is a mode of 01204.
    """
    for kind in KINDS:
        for name, option, needed in (
            ("FILE_UPLOAD_PERMISSIONS", "file_permissions_mode", 0o4),
            ("FILE_UPLOAD_DIRECTORY_PERMISSIONS", "directory_permissions_mode", 0o5),
        ):
            default = 0o644 if needed == 0o4 else None
            mode = site.storage(kind)[1].get(option, site.get(name, default))
            if mode is None and needed == 0o5:
                continue  # the umask decides, and gunicorn.conf.py lets the group in
            # Group or others: nginx is in the application's group, but collects nothing itself.
            readable = mode is not None and any(
                mode >> shift & needed == needed for shift in ((0, 3) if kind == "MEDIA" else (0,))
            )
            octal = "None" if mode is None else f"0o{mode:o}"
            if not readable or mode > 0o777 or not mode & 0o400:
                yield (
                    f"{kind.capitalize()} is stored with {option} {octal}, which nginx's user"
                    " cannot read" + (", nor the application." if kind == "STATIC" else "."),
                    f"Set it to {'0o644' if needed == 0o4 else '0o755'} in STORAGES, or {name}.",
                )


@rule("W025")
def modes_of_other_storages(site: Site) -> Found:
    """A storage that states no mode, such as a field's own, takes these: nginx answers 403.

    Seen: FILE_UPLOAD_PERMISSIONS = 0o600 beside STORAGES that say otherwise.
    """
    mode = site.get("FILE_UPLOAD_PERMISSIONS", 0o644)
    if mode is None or not mode & 0o044 or mode > 0o777:
        yield (
            f"FILE_UPLOAD_PERMISSIONS is {'None' if mode is None else f'0o{mode:o}'}, which nginx's"
            " user cannot read, and holds for storages that state no mode.",
            "Set it to 0o644, which is Django's default.",
        )


@rule("E026")
def uploads_not_executable(site: Site) -> Found:
    """An upload that can be executed is half a break-in.

    Seen: Django's documentation of FILE_UPLOAD_PERMISSIONS; 0o755 is a folder's mode.
    """
    options = site.storage("MEDIA")[1]
    mode = options.get("file_permissions_mode", site.get("FILE_UPLOAD_PERMISSIONS", 0o644)) or 0
    if mode & 0o111 and mode <= 0o777:
        yield (
            f"Media is stored with file_permissions_mode 0o{mode:o}, which makes uploads"
            " executable.",
            "Set it to 0o644.",
        )
