"""Settings of the application server. gunicorn reads this file from its working directory.

Reference: https://docs.gunicorn.org/en/stable/settings.html
"""

import os

# deploy/systemd/web.socket creates this socket; without systemd, gunicorn does.
bind = "unix:/run/client_site/gunicorn.sock"
umask = 0o007  # no access for others
worker_class = "gthread"
workers = min(os.cpu_count() or 1, 4)
threads = 16  # as many slow requests do not block a worker
graceful_timeout = 65  # a release waits for requests as long as nginx does
keepalive = 75  # longer than nginx's 60 s, so nginx never reuses a closed connection
preload_app = True  # code that fails to import stops the master before it accepts requests
control_socket_disable = True  # it would be written to the checkout
