"""Answers to the questions that several tests render."""

# Valid answers that are as unusual as each question allows.
UNUSUAL = {
    "project_name": "O'Neill & Söhne <3 😀 $HOME #1 %s",
    "project_slug": "a_project_whose_name_has_forty_letters_x",
    "domain_name": "a-rather-long-name.of-a.client.xn--mnchen-3ya.example",
    "served_url": "/assets/files/",
    "web_root": "/srv/www.data/a-rather-long-name.of-a.client/public_html",
    "django_version": "6.1",
}
# The answers of the sites on booted servers.
SERVERS = {
    "trixie": {"django_version": "6.1"},
    # 40 characters: user names have at most 32.
    "bookworm": {
        "project_slug": "a_site_with_the_longest_name_of_all_ours",
        "domain_name": "the-longest-name-that-a-client-has-come-up-with-yet.example",
        "web_root": "/srv/www/longest",
        "served_url": "/files/",
    },
    "noble": {"django_version": "6.1", "web_root": "/srv/www/site"},
}
