"""The protections of a rendered project, each taken away or loosened: one change at a time.

A mutant is a file of the project, a text in it and what stands there instead. The key says what
was done; a suffix after the file's name asks for what the table of attacks does not hold:
`slow` for slow clients, `away` for a stopped application, `long` for a long domain's start, `gone`
for the case that waits for a cache.
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

# key: (file[:more], text, replacement)
NGINX = {
    # default_server.conf
    "slow headers are waited for": ("nginx/default_server.conf:slow", "client_header_timeout 10s;", NOTHING),
    "longer headers": ("nginx/default_server.conf", "large_client_header_buffers 4 8k;", "large_client_header_buffers 4 32k;"),
    "names of the default length": ("nginx/default_server.conf:long", "server_names_hash_bucket_size 128;", NOTHING),
    "versions for nobody": ("nginx/default_server.conf", "    server_tokens off;\n", NOTHING),
    "any handshake is accepted": ("nginx/default_server.conf", "    ssl_reject_handshake on;", "    include client_site/tls.conf;"),
    "strangers get an answer": ("nginx/default_server.conf", "return 444;", "return 404;"),
    "no default for http": ("nginx/default_server.conf", "    listen 80 default_server;\n", NOTHING),
    "no default for https": ("nginx/default_server.conf", "    listen 443 ssl http2 default_server;\n", NOTHING),
    "no HTTP/2": ("nginx/default_server.conf", "ssl http2", "ssl"),
    # site.conf
    "redirect to the client's host": ("nginx/site.conf", "{ return 301 https://client-site.example$request_uri; }", "{ return 301 https://$http_host$request_uri; }"),
    "redirect to the decoded address": ("nginx/site.conf", "{ return 301 https://client-site.example$request_uri; }", "{ return 301 https://client-site.example$uri; }"),
    "redirect of www to the client's host": ("nginx/site.conf", WWW, WWW.replace("client-site.example$", "$http_host$")),
    "redirect of www to the decoded address": ("nginx/site.conf", WWW, WWW.replace("$request_uri", "$uri")),
    "www without HSTS": ("nginx/site.conf", WWW, WWW.split("\n")[1] + "\n"),
    "versions on http": ("nginx/site.conf", "www.client-site.example;\n    server_tokens off;\n    location", "www.client-site.example;\n    location"),
    "versions on www": ("nginx/site.conf", "    server_tokens off;\n    add_header", "    add_header"),
    "versions on the site": ("nginx/site.conf", "    server_tokens off;              #", "#"),
    "any name is the site": ("nginx/site.conf", "    server_name client-site.example;", "    server_name client-site.example *.example;"),
    "every subdomain is the site": ("nginx/site.conf", "    server_name client-site.example;", "    server_name .client-site.example;"),
    "unhashed names for ever": ("nginx/site.conf", 'default                             "max-age=3600"', 'default "max-age=31536000, immutable"'),
    "short hashes for ever": ("nginx/site.conf", "[0-9a-f]{12}", "[0-9a-f]{8,}"),
    "upper-case hashes for ever": ("nginx/site.conf", "[0-9a-f]{12}", "[0-9a-fA-F]{12}"),
    "hashed folders for ever": ("nginx/site.conf", r"[A-Za-z0-9.]+$", r"[A-Za-z0-9./]+$"),
    "hashed names not for ever": ("nginx/site.conf", ', immutable"', '"'),
    "unknown types open": ("nginx/site.conf", "default         attachment;", "default         inline;"),
    "svg opens": ("nginx/site.conf", "~^image/svg     attachment;", NOTHING),
    "an unchanged file is an attachment": ("nginx/site.conf", '    ""              "";\n', NOTHING),
    "pictures are saved": ("nginx/site.conf", "    ~^image/        inline;\n", NOTHING),
    "the rest of the served URL is Django's": ("nginx/site.conf", "    location /s/ { return 404; }\n", NOTHING),
    "uploads by alias, off by a slash": ("nginx/site.conf", "location /s/media/ { ", "location /s/media { alias {web_root}/s/media/; "),
    "uploads of the whole web root": ("nginx/site.conf", "location /s/media/ { ", "location /s/media/ { alias {web_root}/; "),
    "no place for private uploads": ("nginx/site.conf", "    location /s/private/ { include client_site/private.conf; }\n", NOTHING),
    "no pages of nginx's own": ("nginx/site.conf:away", "    include client_site/errors.conf;\n", NOTHING),
    "the web root is served": ("nginx/site.conf", "location / { include", "location = /secret.txt {} location / { include"),
    # tls.conf
    "old TLS": ("nginx/tls.conf", "ssl_protocols TLSv1.2 TLSv1.3;", "ssl_ciphers ALL:@SECLEVEL=0;"),
    "session tickets": ("nginx/tls.conf", "ssl_session_tickets off;", NOTHING),
    # static.conf
    "static: folders": ("nginx/static.conf", "try_files $uri =404;", NOTHING),
    "static: dotfiles": ("nginx/static.conf", DOTFILES, NOTHING),
    "static: no gzip": ("nginx/static.conf", "gzip_static on;", "gzip_static off;"),
    "static: no brotli": ("nginx/static.conf", "include client_site/brotli*.conf;", NOTHING),
    "static: no Vary": ("nginx/static.conf", "gzip_vary on;", NOTHING),
    "static: no Cache-Control": ("nginx/static.conf", "add_header Cache-Control $client_site_static_cache;", NOTHING),
    "static: errors are kept": ("nginx/static.conf", "$client_site_static_cache;", "$client_site_static_cache always;"),
    "static: sniffed": ("nginx/static.conf", "add_header X-Content-Type-Options nosniff always;", NOTHING),
    "static: errors are sniffed": ("nginx/static.conf", "nosniff always;", "nosniff;"),
    "static: no charset": ("nginx/static.conf", "charset utf-8;", NOTHING),
    "static: charset of some types": ("nginx/static.conf", "charset_types text/css", "charset_types"),
    "static: unknown types are text": ("nginx/static.conf", "default_type application/octet-stream;", "default_type text/plain;"),
    "static: modules without a type": ("nginx/static.conf", " js mjs;", " js;"),
    "static: no webmanifest": ("nginx/static.conf", "    application/manifest+json   webmanifest;\n", NOTHING),
    # upload_headers.conf
    "uploads: folders": ("nginx/upload_headers.conf", "try_files $uri =404;", NOTHING),
    "uploads: dotfiles": ("nginx/upload_headers.conf", DOTFILES, NOTHING),
    "uploads: links": ("nginx/upload_headers.conf", LINKS, NOTHING),
    "uploads: links of one owner": ("nginx/upload_headers.conf", LINKS, "disable_symlinks if_not_owner from=$document_root;"),
    "uploads: many ranges": ("nginx/upload_headers.conf", "max_ranges 1;", NOTHING),
    "uploads: two ranges": ("nginx/upload_headers.conf", "max_ranges 1;", "max_ranges 2;"),
    "uploads: no ranges": ("nginx/upload_headers.conf", "max_ranges 1;", "max_ranges 0;"),
    "uploads: gone after a minute": ("nginx/upload_headers.conf:gone", "open_file_cache_valid 1s;", "open_file_cache_valid 60s;"),
    "uploads: cached as the machine says": ("nginx/upload_headers.conf:gone", "open_file_cache_valid 1s;", NOTHING),
    "uploads: missing ones are remembered": ("nginx/upload_headers.conf", "open_file_cache_errors off;", NOTHING),
    "uploads: one answers for another": ("nginx/upload_headers.conf", "gzip_static off;", NOTHING),
    "uploads: compressed": ("nginx/upload_headers.conf", "gzip off;", NOTHING),
    "uploads: no disposition": ("nginx/upload_headers.conf", DISPOSITION, NOTHING),
    "uploads: errors are saved": ("nginx/upload_headers.conf", DISPOSITION, DISPOSITION.replace(";", " always;")),
    "uploads: no policy": ("nginx/upload_headers.conf", CSP, NOTHING),
    "uploads: no policy for errors": ("nginx/upload_headers.conf", CSP, CSP.replace(" always", "")),
    "uploads: no sandbox": ("nginx/upload_headers.conf", "; sandbox", NOTHING),
    "uploads: a policy that allows": ("nginx/upload_headers.conf", "default-src 'none'", "default-src 'self'"),
    "uploads: framed by anyone": ("nginx/upload_headers.conf", "frame-ancestors 'self'; ", NOTHING),
    "uploads: sniffed": ("nginx/upload_headers.conf", "add_header X-Content-Type-Options nosniff always;", NOTHING),
    "uploads: errors are sniffed": ("nginx/upload_headers.conf", "nosniff always;", "nosniff;"),
    "uploads: no charset": ("nginx/upload_headers.conf", "charset utf-8;", NOTHING),
    "uploads: unknown types are pages": ("nginx/upload_headers.conf", "default_type application/octet-stream;", "default_type text/html;"),
    "uploads: unknown types are text": ("nginx/upload_headers.conf", "default_type application/octet-stream;", "default_type text/plain;"),
    "uploads: html": ("nginx/upload_headers.conf", TYPES["nginx/upload_headers.conf"], "text/html html; application/pdf pdf;"),
    "uploads: scripts": ("nginx/upload_headers.conf", TYPES["nginx/upload_headers.conf"], "text/javascript js; application/pdf pdf;"),
    "uploads: pdf opens": ("nginx/upload_headers.conf", "application/pdf ", "image/pdf "),
    "uploads: xml by an inert name": ("nginx/upload_headers.conf", "video/webm          webm;", "video/webm          webm xml;"),
    # media.conf, private.conf, proxy.conf, errors.conf
    "media: for ever": ("nginx/media.conf", '"max-age=3600"', '"max-age=31536000, immutable"'),
    "media: errors are kept": ("nginx/media.conf", '"max-age=3600";', '"max-age=3600" always;'),
    "media: no Cache-Control": ("nginx/media.conf", 'add_header Cache-Control "max-age=3600";', NOTHING),
    "media: shown by other sites": ("nginx/media.conf", "add_header Cross-Origin-Resource-Policy same-origin always;", NOTHING),
    "media: none of the guards": ("nginx/media.conf", "include client_site/upload_headers.conf;", NOTHING),
    "media: a header in between": ("nginx/upload_headers.conf", DOTFILES, "location ~ png$ { add_header X-Team ours; }"),
    "private: public": ("nginx/private.conf", "internal;", NOTHING),
    "private: below the web root": ("nginx/private.conf", "root /var/lib/client_site;", NOTHING),
    "private: kept by caches": ("nginx/private.conf", 'add_header Cache-Control "private, no-store" always;', NOTHING),
    "private: shown by other sites": ("nginx/private.conf", "add_header Cross-Origin-Resource-Policy same-origin always;", NOTHING),
    "private: none of the guards": ("nginx/private.conf", "include client_site/upload_headers.conf;", NOTHING),
    "forwarded: the client's host": ("nginx/proxy.conf", "Host $host;", "Host $http_host;"),
    "forwarded: no host": ("nginx/proxy.conf", "proxy_set_header Host $host;", NOTHING),
    "forwarded: the client's scheme": ("nginx/proxy.conf", "X-Forwarded-Proto $scheme", "X-Forwarded-Proto $http_x_forwarded_proto"),
    "forwarded: no scheme": ("nginx/proxy.conf", "proxy_set_header X-Forwarded-Proto $scheme;", NOTHING),
    "forwarded: an address is added": ("nginx/proxy.conf", "X-Forwarded-For $remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),
    "forwarded: the client's address": ("nginx/proxy.conf", "proxy_set_header X-Forwarded-For $remote_addr;", NOTHING),
    "forwarded: X-Real-IP": ("nginx/proxy.conf", "proxy_set_header X-Real-IP $remote_addr;", NOTHING),
    **{
        f"forwarded: {name}": ("nginx/proxy.conf", f'proxy_set_header {name} "";', NOTHING)
        for name in ("Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
                     "X-Forwarded-Protocol", "X-Forwarded-Ssl", "Proxy")
    },
    "forwarded: a header that replaces all": ("nginx/site.conf", "location / { include client_site/proxy.conf; }", "location / { proxy_pass http://client_site; proxy_set_header X-Team ours; }"),
    "underscores are let in": ("nginx/site.conf", "    server_name client-site.example;", "    server_name client-site.example; underscores_in_headers on;"),
    "pages are compressed": ("nginx/proxy.conf", "gzip off;", NOTHING),
    "bodies of the default size": ("nginx/proxy.conf", "client_max_body_size 13m;", NOTHING),
    "bodies of any size": ("nginx/proxy.conf", "client_max_body_size 13m;", "client_max_body_size 0;"),
    "bodies a little larger": ("nginx/proxy.conf", "client_max_body_size 13m;", "client_max_body_size 14m;"),
    "slow bodies are waited for": ("nginx/proxy.conf:slow", "client_body_timeout 10s;", NOTHING),
    "away: nginx's own words": ("nginx/errors.conf:away", "error_page 502 504 =503 @unavailable;", NOTHING),
    "away: a broken gateway": ("nginx/errors.conf:away", "=503 ", NOTHING),
    "away: come back when you like": ("nginx/errors.conf:away", "add_header Retry-After 30 always;", NOTHING),
    "away: kept by caches": ("nginx/errors.conf:away", "add_header Cache-Control no-store always;", NOTHING),
    "too large: nginx's own words": ("nginx/errors.conf", "error_page 413 @too_large;", NOTHING),
    # media_domain.conf
    "apart: the rest of the web root": ("nginx/media_domain.conf", "location / { return 404; }", NOTHING),
    "apart: none of the guards": ("nginx/media_domain.conf", "        include client_site/upload_headers.conf;\n", NOTHING),
    "apart: refused by the site": ("nginx/media_domain.conf", "cross-origin always", "same-origin always"),
    "apart: versions": ("nginx/media_domain.conf", "    server_tokens off;\n", NOTHING),
}  # fmt: skip

# These run behind nginx; the project's own tests are asked too.
APPLICATION = {
    "names are kept": ("files/storage.py", "secrets.token_urlsafe(16) + ending", "path.stem + ending"),
    "names can be guessed": ("files/storage.py", "token_urlsafe(16)", "token_urlsafe(4)"),
    "any ending": ("files/storage.py", 'if not re.fullmatch(r"\\.[a-z0-9]{1,10}", ending):', "if False:"),
    "written in sight": ("files/storage.py", 'f".{secrets.token_hex(8)}.part"', 'f"{secrets.token_hex(8)}.part"'),
    "written in place": ("files/storage.py", "    def _save(self, name: str, content: File) -> str:\n        # nginx", "    def _not_saved(self, name: str, content: File) -> str:\n        # nginx"),
    "names before bytes": ("files/storage.py", "os.fsync(file)", "pass"),
    "one replaces another": ("files/storage.py", "os.link(", "os.replace("),
    "halves are left": ("files/storage.py", "            self.delete(partial)\n", "            pass\n"),
    "files for the owner only": ("config/settings.py", '"OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},\n    },\n    "private"', '"OPTIONS": {"file_permissions_mode": 0o600},\n    },\n    "private"'),
    "files for the group": ("config/settings.py", '"OPTIONS": {"file_permissions_mode": 0o644, "directory_permissions_mode": 0o755},\n    },\n    "private"', '"OPTIONS": {"file_permissions_mode": 0o664, "directory_permissions_mode": 0o775},\n    },\n    "private"'),
    "Django's own storage": ("config/settings.py", "files.storage.UploadStorage", "django.core.files.storage.FileSystemStorage"),
    "no compressed files": ("config/settings.py", "files.storage.CompressedManifest", "django.contrib.staticfiles.storage.Manifest"),
    "any size of picture": ("files/fields.py", "data.size > settings.UPLOAD_LIMIT", "False"),
    "any format of picture": ("files/fields.py", "file.image.format not in FORMATS", "False"),
    "any ending of picture": ("files/fields.py", "    default_validators = [FileExtensionValidator(ENDINGS, SENTENCE)]\n", "    pass\n"),
    "any file for a picture": ("accounts/models.py", "from files.fields import PictureField", "from django.db.models import FileField as PictureField"),
    "Django's own picture": ("accounts/models.py", "from files.fields import PictureField", "from django.db.models import ImageField as PictureField"),
    "private: handed to strangers": ("config/urls.py", "admin.site.admin_view(views.private)", "views.private"),
    "private: dotfiles": ("files/views.py", "if hidden(name) or not storage", "if not storage"),
    "private: the type of a page": ("files/views.py", '    del response["Content-Type"]', "    pass"),
    "private: names not quoted": ("files/views.py", "quote(layout.PRIVATE_URL + name)", "layout.PRIVATE_URL + name"),
    "private: among the public": ("files/storage.py", "return settings.PRIVATE_ROOT", "return settings.MEDIA_ROOT"),
    "forms larger than nginx takes": ("config/settings.py", "UPLOAD_LIMIT = 10 ", "UPLOAD_LIMIT = 20 "),
}  # fmt: skip

# These are the development server's.
LOCAL = {
    "local: dotfiles": ("files/views.py", '"/." in f"/{path}" or ', ""),
    "local: a slash at the end": ("files/views.py", ' or path.endswith("/")', ""),
    "local: links": ("files/views.py", " or (guarded and linked(file))", ""),
    "local: other than plain files": ("files/views.py", "not file.is_file()", "not file.exists()"),
    "local: any method": ("files/views.py", 'request.method not in {"GET", "HEAD"}', "False"),
    "local: tokens are asked for": ("files/views.py", "@csrf_exempt\ndef media", "def media"),
    "local: an error for a long name": ("files/views.py", "    except OSError:", "    except NotADirectoryError:"),
    "local: none of nginx's headers": ("files/views.py", 'in location.all("add_header")', "in ()"),
    "local: slashes are not merged": ("files/views.py", 're.sub("/+", "/", path).lstrip("/")', "path"),
    "local: the rest is the site's": ("files/urls.py", '        path(f"{served}<path:path>", views.nothing),\n', ""),
    "local: types of the system": ("files/views.py", "content_type=content_type(file, location)", "content_type=None"),
}  # fmt: skip
