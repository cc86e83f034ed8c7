"""Settings of the application server, which reads this file from its working directory.

Reference: https://docs.gunicorn.org/en/stable/settings.html
"""

import os

bind = "unix:/run/client_site/gunicorn.sock"
umask = 0o007  # nginx is in the application's group; others cannot reach the socket
worker_class = "gthread"
workers = min(os.cpu_count() or 1, 4)
threads = 4  # one thread a worker stops answering as soon as one request is slow
keepalive = 75  # longer than nginx's 60 s, so that nginx is never the one left with a dead line
control_socket_disable = True  # it would write into the checkout
