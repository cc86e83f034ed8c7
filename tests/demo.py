"""Serve a rendered project with a photo and a superuser. Used by `make demo`."""

import os
import socket
import subprocess
import sys

UV = os.environ["UV"]
CREATE = """
import io
from django.contrib.auth import get_user_model
from PIL import Image, ImageDraw
from welcome.models import Photo
users = get_user_model().objects
if not users.filter(username="demo").exists():
    users.create_superuser("demo", password="demo")
if not Photo.objects.exists():
    green, amber = (Image.new("RGB", (320, 320), colour) for colour in ("#0b6e5b", "#f0a870"))
    image = Image.composite(green, amber, Image.linear_gradient("L").resize(green.size))
    ImageDraw.Draw(image).ellipse((110, 60, 210, 160), fill="#fbfaf7")
    ImageDraw.Draw(image).ellipse((60, 180, 260, 400), fill="#fbfaf7")
    content = io.BytesIO()
    image.save(content, "PNG")
    Photo().image.save("demo.png", content)
"""


def main(project: str) -> int:
    """Set up the project and serve it until Ctrl-C. Return the exit status."""
    environment = os.environ | {"LOCAL_DEV": "1", "DEBUG": "1"}
    environment.pop("VIRTUAL_ENV", None)

    def manage(*arguments: str) -> None:
        command = [UV, "run", "--quiet", "manage.py", *arguments]
        subprocess.run(command, cwd=project, env=environment, check=True)

    manage("migrate", "--verbosity", "0")
    manage("shell", "--verbosity", "0", "--command", CREATE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    print(f"\n    http://127.0.0.1:{port}/    admin: user demo, password demo\n", flush=True)
    manage("runserver", str(port))
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        raise SystemExit(error.returncode) from None
    except KeyboardInterrupt:
        raise SystemExit(0) from None
