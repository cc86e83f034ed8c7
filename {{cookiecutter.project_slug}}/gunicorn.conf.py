"""Settings of the application server, which reads this file from its working directory.

Reference: https://docs.gunicorn.org/en/stable/settings.html
"""

import os

# deploy/systemd/web.socket makes this socket and hands it over; without systemd, gunicorn makes it.
bind = "unix:/run/{{ cookiecutter.project_slug }}/gunicorn.sock"
umask = 0o007  # no others
worker_class = "gthread"
workers = min(os.cpu_count() or 1, 4)
threads = 4  # one thread a worker stops answering as soon as one request is slow
keepalive = 75  # longer than nginx's 60 s, so that nginx is never the one left with a dead line
preload_app = True  # code that cannot start is noticed before it takes a request
control_socket_disable = True  # it would write into the checkout
