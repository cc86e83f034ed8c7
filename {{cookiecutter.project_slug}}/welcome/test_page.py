import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(django_user_model, client):
    user = django_user_model.objects.create_user("ada")
    client.force_login(user)
    return user


def test_the_page_has_a_stylesheet_below_the_static_url(client, settings):
    page = client.get("/")
    assert page.status_code == 200
    assert f'href="{settings.STATIC_URL}welcome/welcome.css"' in page.text


def test_the_split_is_shown_with_local_dev_only(client, local_dev):
    assert "The split as it stands" in client.get("/").text
    local_dev(False)
    assert "The split as it stands" not in client.get("/").text


def test_a_photo_is_shown_once_it_is_uploaded(client, user, png):
    assert client.post("/", {"photo": png}).status_code == 302
    user.refresh_from_db()
    assert f'<img src="{user.photo.url}"' in client.get("/").text


def test_what_is_no_picture_is_refused_with_a_sentence(client, user):
    page = client.post("/", {"photo": SimpleUploadedFile("me.png", b"<script>alert(1)</script>")})
    assert page.status_code == 200
    assert "Upload a valid image" in page.text
    user.refresh_from_db()
    assert not user.photo


def test_the_icon_is_a_static_file(client, settings):
    icon = client.get("/favicon.ico")
    assert icon.url == f"{settings.STATIC_URL}welcome/favicon.svg"
