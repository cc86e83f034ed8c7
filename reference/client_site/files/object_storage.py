"""The storages of storage.py in a bucket, with S3's protocol, if MEDIA_BUCKET is set."""

from urllib.parse import urlsplit

from boto3 import Session
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from django.conf import settings
from storages.backends.s3 import S3Storage

from . import layout
from .storage import PrivateUrls, RandomNames
from .views import upload_type

SESSION = Session()  # one for all threads: each takes 13 MB and 0.1 s
SESSION.resource("s3", "none", endpoint_url="http://none")  # loads once what each thread would load


class DerivedStorage(S3Storage):
    """Files that the site itself names. The bucket is laid out like the web root."""

    bucket_name = settings.MEDIA_BUCKET
    location = layout.MEDIA_URL.strip("/")
    custom_domain = urlsplit(settings.MEDIA_URL).netloc  # MEDIA_DOMAIN: URLs are not signed
    object_parameters = {"CacheControl": "max-age=3600"}
    max_memory_size = 2**20  # a file that is opened and larger is in a temporary file
    transfer_config = TransferConfig(use_threads=False)  # parts of 8 MB, one after the other
    _create_session = staticmethod(lambda: SESSION)
    client_config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},  # all services support it
        request_checksum_calculation="when_required",  # some services refuse others
        connect_timeout=5,
        read_timeout=20,
        retries={"total_max_attempts": 2},
    )

    def get_object_parameters(self, name: str) -> dict[str, str]:
        """Store what nginx sends, whatever type the visitor's browser claims."""
        kind, disposition = upload_type(name)
        return self.object_parameters | {"ContentType": kind, "ContentDisposition": disposition}


class UploadStorage(RandomNames, DerivedStorage):
    """Uploads: only a signed URL opens one, for an hour, or with MEDIA_DOMAIN any URL of it."""


class PrivateStorage(PrivateUrls, UploadStorage):
    """Private uploads: the view `files.views.private` redirects to `signed_url`."""

    location = layout.PRIVATE_URL.strip("/")
    custom_domain = None
    object_parameters = {"CacheControl": "private, no-store"}
    querystring_expire = 60

    def signed_url(self, name: str) -> str:
        return S3Storage.url(self, name)
