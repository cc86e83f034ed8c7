"""Uploads as the project's README uses them: its app `shop`, and models.py below."""

import contextlib
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.forms import modelform_factory
from django.test.utils import CaptureQueriesContext
from PIL import Image
from shop.models import Attachment, Framed, Invoice, Poster, Product

from welcome.models import Photo

pytestmark = pytest.mark.django_db(transaction=True)


def upload(model, **values):
    """Create an object with a file, and return it."""
    item = model(**values)
    field = "file" if hasattr(model, "file") else "picture"
    getattr(item, field).save("a.png", ContentFile(b"content"))
    return item


@pytest.fixture
def product():
    return upload(Product)


def test_replaced_file_is_deleted(product):
    old = Path(product.picture.path)
    product.picture.save("b.png", ContentFile(b"new"))
    assert not old.exists() and Path(product.picture.path).read_bytes() == b"new"


def test_file_replaced_by_another_instance(product):
    old = Path(product.picture.path)
    other = Product(pk=product.pk)
    other.picture.save("b.png", ContentFile(b"new"))
    assert not old.exists() and Path(other.picture.path).exists()


def test_cleared_file_is_deleted(product):
    old = Path(product.picture.path)
    product.picture = ""
    product.save()
    assert not old.exists()


def test_file_of_a_deleted_object_is_deleted(product):
    Product.objects.filter(pk=product.pk).delete()
    assert not Path(product.picture.path).exists()


def test_private_file_of_a_deleted_account(django_user_model):
    user = django_user_model.objects.create_user("ada")
    invoice = upload(Invoice, customer=user)
    assert Path(invoice.file.path).exists()
    user.delete()
    assert not Path(invoice.file.path).exists()


@pytest.mark.parametrize("model", [Framed, Poster])
def test_files_of_inherited_models_are_deleted(model):
    item = upload(model)
    old = Path(item.picture.path)
    item.picture.save("b.png", ContentFile(b"new"))
    assert not old.exists()
    item.delete()
    assert not Path(item.picture.path).exists()


def test_rollback_keeps_the_file(product):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        product.delete()
        raise ZeroDivisionError
    assert Path(product.picture.path).exists()


def test_file_is_deleted_after_the_commit(product):
    with transaction.atomic():
        product.delete()
        assert Path(product.picture.path).exists()
    assert not Path(product.picture.path).exists()


def test_file_that_another_row_names_is_kept(product):
    path = Path(product.picture.path)
    photo = Photo.objects.create(image=product.picture.name)
    product.delete()
    assert path.exists()
    photo.delete()
    assert not path.exists()


def test_file_that_is_not_saved_is_kept(product):
    path = Path(product.picture.path)
    framed = Framed.objects.create(picture=product.picture.name)
    Product.objects.filter(pk=product.pk).update(picture="")
    framed.picture = "other.png"
    framed.save(update_fields=["frame"])
    assert path.exists()


def test_djangos_own_field_keeps_files():
    attachment = upload(Attachment)
    attachment.delete()
    assert Path(attachment.file.path).exists()


def test_failed_deletion_is_logged(product, monkeypatch, caplog):
    def fail(name):
        raise OSError("the disk is gone")

    monkeypatch.setattr(Product.picture.field.storage, "delete", fail)
    product.delete()
    assert "the disk is gone" in caplog.text


def test_no_additional_queries_without_files():
    Attachment.objects.create()
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        Attachment.objects.all().delete()
        Photo().save()
    assert [query["sql"].split()[0] for query in queries] == ["DELETE", "INSERT"]


@pytest.mark.parametrize("model", [Attachment, Product, Invoice])
def test_upload_limit_applies_to_all_fields(settings, model):
    image = SimpleUploadedFile("a.png", b"x" * 2048)
    settings.UPLOAD_LIMIT = 1024
    form = modelform_factory(model, exclude=["customer"])({}, {"file": image, "picture": image})
    field = "picture" if model is Product else "file"
    assert form.errors[field] == ["The file is 2.0\xa0KB. The maximum size is 1.0\xa0KB."]


def test_upload_limit_ignores_stored_files(settings):
    attachment = upload(Attachment)
    settings.UPLOAD_LIMIT = 1
    attachment.full_clean()
    Path(attachment.file.path).unlink()
    attachment.full_clean()


def test_private_file_needs_permission(client, django_user_model):
    customer, clerk = (django_user_model.objects.create_user(name) for name in ("ada", "bob"))
    invoice = upload(Invoice, customer=customer)
    clerk.is_staff = True
    clerk.save()

    def status(codename=None) -> int:
        clerk.user_permissions.set(Permission.objects.filter(codename=codename))
        client.force_login(django_user_model.objects.get(pk=clerk.pk))
        with contextlib.closing(client.get(invoice.file.url)) as response:
            return response.status_code

    assert status() == 403
    assert status("view_product") == 403
    assert status("delete_invoice") == 403
    Attachment.objects.create(file=invoice.file.name)  # of the same name, in another storage
    assert status("view_attachment") == 403
    assert status("view_invoice") == 200
    assert status("change_invoice") == 200
    clerk.is_staff = False
    clerk.save()
    assert status("view_invoice") == 302


def test_private_file_in_the_readmes_view(client, django_user_model):
    owner, other = (django_user_model.objects.create_user(name) for name in ("owner", "other"))
    invoice = upload(Invoice, customer=owner)
    url = f"/invoices/{invoice.pk}/"
    assert client.get(url).url == f"/accounts/login/?next={url}"
    client.force_login(other)
    assert client.get(url).status_code == 404
    client.force_login(owner)
    response = client.get(url)
    assert response.getvalue() == b"content"
    assert response["Content-Disposition"] == "inline"


@pytest.mark.parametrize("name", ["???", "😀", "...", "a b"])
def test_name_without_letters(django_user_model, name):
    form_class = modelform_factory(Invoice, fields=["customer", "file"])
    customer = django_user_model.objects.create_user("ada")
    form = form_class({"customer": customer.pk}, {"file": SimpleUploadedFile(name, b"content")})
    assert form.is_valid(), form.errors
    assert Path(form.save().file.path).read_bytes() == b"content"


def test_picture_is_verified():
    form = modelform_factory(Product, fields=["picture"])
    files = {"picture": SimpleUploadedFile("a.png", b"<script>")}
    assert not form({}, files).is_valid()
    content = ContentFile(b"", "a.png")
    Image.new("RGB", (2, 2)).save(content, "PNG")
    assert form({}, {"picture": SimpleUploadedFile("a.png", content.file.getvalue())}).is_valid()
