"""The protections of a rendered project, each removed or weakened: one change at a time.

A mutant is a file of the project, a text in it and its replacement. The key says what the change
does. A suffix of the file's name selects checks that the table of attacks does not contain: `slow`
for slow clients, `stopped` for a stopped application, `long` for the start with a long domain,
`cached` for the case that waits for a cache.
"""

CSP = "add_header Content-Security-Policy \"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox\" always;"
LINKS = "disable_symlinks on from=$document_root;"
DISPOSITION = "add_header Content-Disposition $client_site_media_disposition;"
WWW = """    add_header Strict-Transport-Security "max-age=2592000" always;  # Django sets it for the main domain only
    return 301 https://client-site.example$request_uri;
"""
DOTFILES = r"location ~ /\. { return 404; }"
NOTHING = ""
TYPES = {"nginx/upload_headers.conf": "application/pdf     pdf;"}

# key: (file[:checks], text, replacement)
NGINX = {
    # default_server.conf
    "no header timeout": ("nginx/default_server.conf:slow", "client_header_timeout 10s;", NOTHING),
    "larger header buffers": ("nginx/default_server.conf", "large_client_header_buffers 4 8k;", "large_client_header_buffers 4 32k;"),
    "default hash bucket size": ("nginx/default_server.conf:long", "server_names_hash_bucket_size 128;", NOTHING),
    "default server: version in responses": ("nginx/default_server.conf", "    server_tokens off;\n", NOTHING),
    "default server: any TLS handshake": ("nginx/default_server.conf", "    ssl_reject_handshake on;", "    include client_site/tls.conf;"),
    "default server: response for unknown hosts": ("nginx/default_server.conf", "return 444;", "return 404;"),
    "no default server for HTTP": ("nginx/default_server.conf", "    listen 80 default_server;\n", NOTHING),
    "no default server for HTTPS": ("nginx/default_server.conf", "    listen 443 ssl http2 default_server;\n", NOTHING),
    "no HTTP/2": ("nginx/default_server.conf", "ssl http2", "ssl"),
    # site.conf
    "redirect: the client's host": ("nginx/site.conf", "{ return 301 https://client-site.example$request_uri; }", "{ return 301 https://$http_host$request_uri; }"),
    "redirect: decoded URL": ("nginx/site.conf", "{ return 301 https://client-site.example$request_uri; }", "{ return 301 https://client-site.example$uri; }"),
    "www redirect: the client's host": ("nginx/site.conf", WWW, WWW.replace("client-site.example$", "$http_host$")),
    "www redirect: decoded URL": ("nginx/site.conf", WWW, WWW.replace("$request_uri", "$uri")),
    "www redirect: no HSTS": ("nginx/site.conf", WWW, WWW.split("\n")[1] + "\n"),
    "version in the HTTP redirect": ("nginx/site.conf", "www.client-site.example;\n    server_tokens off;\n    location", "www.client-site.example;\n    location"),
    "version in the www redirect": ("nginx/site.conf", "    server_tokens off;\n    add_header", "    add_header"),
    "version in the site's responses": ("nginx/site.conf", "    server_tokens off;              #", "#"),
    "server_name with a wildcard domain": ("nginx/site.conf", "    server_name client-site.example;", "    server_name client-site.example *.example;"),
    "server_name with all subdomains": ("nginx/site.conf", "    server_name client-site.example;", "    server_name .client-site.example;"),
    "cache: unhashed names immutable": ("nginx/site.conf", 'default                             "max-age=3600"', 'default "max-age=31536000, immutable"'),
    "cache: short hashes immutable": ("nginx/site.conf", "[0-9a-f]{12}", "[0-9a-f]{8,}"),
    "cache: upper-case hashes immutable": ("nginx/site.conf", "[0-9a-f]{12}", "[0-9a-fA-F]{12}"),
    "cache: hashed directories immutable": ("nginx/site.conf", r"[A-Za-z0-9.]+$", r"[A-Za-z0-9./]+$"),
    "cache: hashed names not immutable": ("nginx/site.conf", ', immutable"', '"'),
    "disposition: unknown types inline": ("nginx/site.conf", "default         attachment;", "default         inline;"),
    "disposition: svg inline": ("nginx/site.conf", "~^image/svg     attachment;", NOTHING),
    "disposition: header in 304": ("nginx/site.conf", '    ""              "";\n', NOTHING),
    "disposition: images as attachments": ("nginx/site.conf", "    ~^image/        inline;\n", NOTHING),
    "no 404 for the rest of the URL prefix": ("nginx/site.conf", "    location /s/ { return 404; }\n", NOTHING),
    "uploads: alias without trailing slash": ("nginx/site.conf", "location /s/media/ { ", "location /s/media { alias {web_root}/s/media/; "),
    "uploads: alias of the web root": ("nginx/site.conf", "location /s/media/ { ", "location /s/media/ { alias {web_root}/; "),
    "no location for private uploads": ("nginx/site.conf", "    location /s/private/ { include client_site/private.conf; }\n", NOTHING),
    "no custom error pages": ("nginx/site.conf:stopped", "    include client_site/errors.conf;\n", NOTHING),
    "a file of the web root served": ("nginx/site.conf", "location / { include", "location = /secret.txt {} location / { include"),
    # tls.conf
    "TLS 1.0 and 1.1": ("nginx/tls.conf", "ssl_protocols TLSv1.2 TLSv1.3;", "ssl_ciphers ALL:@SECLEVEL=0;"),
    "TLS session tickets": ("nginx/tls.conf", "ssl_session_tickets off;", NOTHING),
    # static.conf
    "static: no try_files": ("nginx/static.conf", "try_files $uri =404;", NOTHING),
    "static: dotfiles": ("nginx/static.conf", DOTFILES, NOTHING),
    "static: no gzip": ("nginx/static.conf", "gzip_static on;", "gzip_static off;"),
    "static: no brotli": ("nginx/static.conf", "include client_site/brotli*.conf;", NOTHING),
    "static: no Vary": ("nginx/static.conf", "gzip_vary on;", NOTHING),
    "static: no Cache-Control": ("nginx/static.conf", "add_header Cache-Control $client_site_static_cache;", NOTHING),
    "static: errors cached": ("nginx/static.conf", "$client_site_static_cache;", "$client_site_static_cache always;"),
    "static: no nosniff": ("nginx/static.conf", "add_header X-Content-Type-Options nosniff always;", NOTHING),
    "static: no nosniff in errors": ("nginx/static.conf", "nosniff always;", "nosniff;"),
    "static: no charset": ("nginx/static.conf", "charset utf-8;", NOTHING),
    "static: charset only for some types": ("nginx/static.conf", "charset_types text/css", "charset_types"),
    "static: unknown types as text": ("nginx/static.conf", "default_type application/octet-stream;", "default_type text/plain;"),
    "static: no type for mjs": ("nginx/static.conf", " js mjs;", " js;"),
    "static: no type for webmanifest": ("nginx/static.conf", "    application/manifest+json   webmanifest;\n", NOTHING),
    # upload_headers.conf
    "uploads: no try_files": ("nginx/upload_headers.conf", "try_files $uri =404;", NOTHING),
    "uploads: dotfiles": ("nginx/upload_headers.conf", DOTFILES, NOTHING),
    "uploads: symlinks": ("nginx/upload_headers.conf", LINKS, NOTHING),
    "uploads: symlinks of the same owner": ("nginx/upload_headers.conf", LINKS, "disable_symlinks if_not_owner from=$document_root;"),
    "uploads: many ranges": ("nginx/upload_headers.conf", "max_ranges 1;", NOTHING),
    "uploads: two ranges": ("nginx/upload_headers.conf", "max_ranges 1;", "max_ranges 2;"),
    "uploads: no ranges": ("nginx/upload_headers.conf", "max_ranges 1;", "max_ranges 0;"),
    "uploads: cache valid for a minute": ("nginx/upload_headers.conf:cached", "open_file_cache_valid 1s;", "open_file_cache_valid 60s;"),
    "uploads: cache validity inherited": ("nginx/upload_headers.conf:cached", "open_file_cache_valid 1s;", NOTHING),
    "uploads: cache remembers 404": ("nginx/upload_headers.conf", "open_file_cache_errors off;", NOTHING),
    "uploads: gzip_static inherited": ("nginx/upload_headers.conf", "gzip_static off;", NOTHING),
    "uploads: gzip inherited": ("nginx/upload_headers.conf", "gzip off;", NOTHING),
    "uploads: no Content-Disposition": ("nginx/upload_headers.conf", DISPOSITION, NOTHING),
    "uploads: Content-Disposition in errors": ("nginx/upload_headers.conf", DISPOSITION, DISPOSITION.replace(";", " always;")),
    "uploads: no CSP": ("nginx/upload_headers.conf", CSP, NOTHING),
    "uploads: no CSP in errors": ("nginx/upload_headers.conf", CSP, CSP.replace(" always", "")),
    "uploads: CSP without sandbox": ("nginx/upload_headers.conf", "; sandbox", NOTHING),
    "uploads: CSP with default-src 'self'": ("nginx/upload_headers.conf", "default-src 'none'", "default-src 'self'"),
    "uploads: CSP without frame-ancestors": ("nginx/upload_headers.conf", "frame-ancestors 'self'; ", NOTHING),
    "uploads: no nosniff": ("nginx/upload_headers.conf", "add_header X-Content-Type-Options nosniff always;", NOTHING),
    "uploads: no nosniff in errors": ("nginx/upload_headers.conf", "nosniff always;", "nosniff;"),
    "uploads: no charset": ("nginx/upload_headers.conf", "charset utf-8;", NOTHING),
    "uploads: unknown types as HTML": ("nginx/upload_headers.conf", "default_type application/octet-stream;", "default_type text/html;"),
    "uploads: unknown types as text": ("nginx/upload_headers.conf", "default_type application/octet-stream;", "default_type text/plain;"),
    "uploads: html type": ("nginx/upload_headers.conf", TYPES["nginx/upload_headers.conf"], "text/html html; application/pdf pdf;"),
    "uploads: js type": ("nginx/upload_headers.conf", TYPES["nginx/upload_headers.conf"], "text/javascript js; application/pdf pdf;"),
    "uploads: pdf inline": ("nginx/upload_headers.conf", "application/pdf ", "image/pdf "),
    "uploads: xml as video": ("nginx/upload_headers.conf", "video/webm          webm;", "video/webm          webm xml;"),
    # media.conf, private.conf, proxy.conf, errors.conf
    "media: immutable": ("nginx/media.conf", '"max-age=3600"', '"max-age=31536000, immutable"'),
    "media: errors cached": ("nginx/media.conf", '"max-age=3600";', '"max-age=3600" always;'),
    "media: no Cache-Control": ("nginx/media.conf", 'add_header Cache-Control "max-age=3600";', NOTHING),
    "media: no Cross-Origin-Resource-Policy": ("nginx/media.conf", "add_header Cross-Origin-Resource-Policy same-origin always;", NOTHING),
    "media: no upload_headers.conf": ("nginx/media.conf", "include client_site/upload_headers.conf;", NOTHING),
    "media: nested location with its own header": ("nginx/upload_headers.conf", DOTFILES, "location ~ png$ { add_header X-Team ours; }"),
    "private: not internal": ("nginx/private.conf", "internal;", NOTHING),
    "private: in the web root": ("nginx/private.conf", "root /var/lib/client_site;", NOTHING),
    "private: no Cache-Control": ("nginx/private.conf", 'add_header Cache-Control "private, no-store" always;', NOTHING),
    "private: no Cross-Origin-Resource-Policy": ("nginx/private.conf", "add_header Cross-Origin-Resource-Policy same-origin always;", NOTHING),
    "private: no upload_headers.conf": ("nginx/private.conf", "include client_site/upload_headers.conf;", NOTHING),
    "forwarded: the client's Host": ("nginx/proxy.conf", "Host $host;", "Host $http_host;"),
    "forwarded: no Host": ("nginx/proxy.conf", "proxy_set_header Host $host;", NOTHING),
    "forwarded: the client's X-Forwarded-Proto": ("nginx/proxy.conf", "X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto"),
    "forwarded: X-Forwarded-Proto not set": ("nginx/proxy.conf", "proxy_set_header X-Forwarded-Proto $scheme;", NOTHING),
    "forwarded: X-Forwarded-For appended": ("nginx/proxy.conf", "X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),
    "forwarded: X-Forwarded-For not set": ("nginx/proxy.conf", "proxy_set_header X-Forwarded-For $remote_addr;", NOTHING),
    "forwarded: X-Real-IP not set": ("nginx/proxy.conf", "proxy_set_header X-Real-IP $remote_addr;", NOTHING),
    **{
        f"forwarded: {name} not removed": ("nginx/proxy.conf", f'proxy_set_header {name} "";', NOTHING)
        for name in ("Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
                     "X-Forwarded-Protocol", "X-Forwarded-Ssl", "Proxy")
    },
    "forwarded: proxy_set_header replaces inherited ones": ("nginx/site.conf", "location / { include client_site/proxy.conf; }", "location / { proxy_pass http://client_site; proxy_set_header X-Team ours; }"),
    "headers with underscores accepted": ("nginx/site.conf", "    server_name client-site.example;", "    server_name client-site.example; underscores_in_headers on;"),
    "pages compressed": ("nginx/proxy.conf", "gzip off;", NOTHING),
    "default body size limit": ("nginx/proxy.conf", "client_max_body_size 100m;", NOTHING),
    "no body size limit": ("nginx/proxy.conf", "client_max_body_size 100m;", "client_max_body_size 0;"),
    "larger body size limit": ("nginx/proxy.conf", "client_max_body_size 100m;", "client_max_body_size 101m;"),
    "default body timeout": ("nginx/proxy.conf:slow", "client_body_timeout 10s;", NOTHING),
    "unavailable: default error page": ("nginx/errors.conf:stopped", "error_page 502 504 =503 @unavailable;", NOTHING),
    "unavailable: status 502": ("nginx/errors.conf:stopped", "=503 ", NOTHING),
    "unavailable: no Retry-After": ("nginx/errors.conf:stopped", "add_header Retry-After 30 always;", NOTHING),
    "unavailable: no Cache-Control": ("nginx/errors.conf:stopped", "add_header Cache-Control no-store always;", NOTHING),
    "too large: default error page": ("nginx/errors.conf", "error_page 413 @too_large;", NOTHING),
    # media_domain.conf
    "media domain: rest of the web root": ("nginx/media_domain.conf", "location / { return 404; }", NOTHING),
    "media domain: no upload_headers.conf": ("nginx/media_domain.conf", "        include client_site/upload_headers.conf;\n", NOTHING),
    "media domain: same-origin resources": ("nginx/media_domain.conf", "cross-origin always", "same-origin always"),
    "media domain: version in responses": ("nginx/media_domain.conf", "    server_tokens off;\n", NOTHING),
}  # fmt: skip

# These run behind nginx, and the project's own tests run too.
APPLICATION = {
    "storage: original names": ("files/storage.py", "secrets.token_urlsafe(16) + extension", "path.stem + extension"),
    "storage: short random names": ("files/storage.py", "token_urlsafe(16)", "token_urlsafe(4)"),
    "storage: any extension": ("files/storage.py", 'if not re.fullmatch(r"\\.[a-z0-9]{1,10}", extension):', "if False:"),
    "storage: partial uploads visible": ("files/storage.py", 'f".{secrets.token_hex(8)}.part"', 'f"{secrets.token_hex(8)}.part"'),
    "storage: Django's _save": ("files/storage.py", "    def _save(self, name: str, content: File) -> str:\n        partial = partial_name(name)\n        try", "    def _not_saved(self, name: str, content: File) -> str:\n        partial = partial_name(name)\n        try"),
    "storage: no fsync": ("files/storage.py", "os.fsync(file)", "pass"),
    "storage: uploads replace each other": ("files/storage.py", "os.link", "os.replace"),
    "storage: derived files get other names": ("files/storage.py", "def is_name_available", "def not_used"),
    "storage: partial uploads remain": ("files/storage.py", "            self.delete(partial)\n", "            pass\n"),
    "storage: files for the owner only": ("config/settings.py", 'UploadStorage", "OPTIONS": public}', 'UploadStorage", "OPTIONS": {"file_permissions_mode": 0o600}}'),
    "storage: files writable by the group": ("config/settings.py", 'UploadStorage", "OPTIONS": public}', 'UploadStorage", "OPTIONS": {"file_permissions_mode": 0o664, "directory_permissions_mode": 0o775}}'),
    "storage: Django's FileSystemStorage": ("config/settings.py", "files.storage.UploadStorage", "django.core.files.storage.FileSystemStorage"),
    "static: Django's manifest storage": ("config/settings.py", "files.storage.CompressedManifest", "django.contrib.staticfiles.storage.Manifest"),
    "images: any size": ("files/fields.py", "file.size > settings.UPLOAD_LIMIT", "False"),
    "images: any format": ("files/fields.py", "file.image.format not in IMAGE_FORMATS", "False"),
    "images: any extension": ("files/fields.py", "    default_validators = [FileExtensionValidator(IMAGE_EXTENSIONS, INVALID_FORMAT)]\n", "    pass\n"),
    "images: Django's FileField": ("welcome/models.py", "from files.fields import PictureField", "from django.db.models import FileField as PictureField"),
    "images: Django's ImageField": ("welcome/models.py", "from files.fields import PictureField", "from django.db.models import ImageField as PictureField"),
    "private: view without a login": ("config/urls.py", "admin.site.admin_view(private_in_admin)", "private_in_admin"),
    "private: view serves dotfiles": ("files/views.py", "if is_hidden(name) or not storage", "if not storage"),
    "private: view sets the type of a page": ("files/views.py", '    del response["Content-Type"]', "    pass"),
    "private: names not quoted": ("files/views.py", "quote(layout.PRIVATE_URL + name)", "layout.PRIVATE_URL + name"),
    "private: stored in MEDIA_ROOT": ("files/storage.py", "return settings.PRIVATE_ROOT", "return settings.MEDIA_ROOT"),
    "form limit larger than nginx's": ("config/settings.py", "UPLOAD_LIMIT = 10 ", "UPLOAD_LIMIT = 99 "),
}  # fmt: skip

# These change the development server.
LOCAL = {
    "local: dotfiles": ("files/views.py", '"/." in f"/{name}" or ', ""),
    "local: trailing slash": ("files/views.py", ' or name.endswith("/")', ""),
    "local: symlinks": ("files/views.py", "        if root and file.resolve() != root.resolve() / file.relative_to(root):\n            return not_found(request)\n", ""),
    "local: not only regular files": ("files/views.py", "not file.is_file()", "not file.exists()"),
    "local: any method": ("files/views.py", 'request.method not in {"GET", "HEAD"}', "False"),
    "local: CSRF token required": ("files/views.py", "@csrf_exempt\ndef media", "def media"),
    "local: long names cause an error": ("files/views.py", "    except OSError:", "    except NotADirectoryError:"),
    "local: no headers": ("files/views.py", "in UPLOAD_HEADERS.items()", "in ()"),
    "local: slashes not merged": ("files/views.py", 're.sub("/+", "/", name).lstrip("/")', "name"),
    "local: no 404 for the rest of the URL prefix": ("files/views.py", '        path(f"{prefix}<path:name>", not_found),\n', ""),
    "local: types of the mimetypes module": ("files/views.py", 'UPLOAD_TYPES.get(Path(name).suffix[1:].lower(), "application/octet-stream")', '__import__("mimetypes").guess_type(name)[0] or "application/octet-stream"'),
    "local: html type": ("files/views.py", '"pdf": "application/pdf"', '"pdf": "application/pdf", "html": "text/html"'),
    "local: svg inline": ("files/views.py", "image/(?!svg)", "image/"),
    "local: CSP without sandbox": ("files/views.py", "; sandbox", NOTHING),
    "local: no Cross-Origin-Resource-Policy": ("files/views.py", '    "Cross-Origin-Resource-Policy": "same-origin",\n', NOTHING),
}  # fmt: skip
