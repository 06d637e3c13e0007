"""Certificates in files are taken when they fit together, and refused in words that help."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sessions.certificates import CertificateFiles
from sessions.settings import Settings

from tests.support.tls import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_files_that_fit_are_read(authority: Authority) -> None:
    files = authority.issue("a.example.com")
    crl = authority.revoke(files)
    found = CertificateFiles(*files[:2], authority.file, crl).read()
    assert found == tuple(file.read_bytes() for file in (*files[:2], authority.file, crl))
    assert (files.read().authorities, files.read().crl) == (b"", b"")


def test_files_that_do_not_fit_are_named(authority: Authority, tmp_path: Path) -> None:
    files, other = authority.issue("a.example.com"), authority.issue("b.example.com")
    junk = tmp_path / "junk"
    junk.write_text("nothing")
    absent, crl = tmp_path / "absent", authority.revoke()
    for wrong, message in (
        (CertificateFiles(files.certificate, other.key), f"{other.key} is not the private key of"),
        (CertificateFiles(files.certificate, junk), f"{junk} are not a certificate and its"),
        (CertificateFiles(junk, files.key), f"{junk} and {files.key} are not a certificate"),
        (CertificateFiles(absent, files.key), f"can't read {absent}: No such file"),
        (CertificateFiles(*files[:2], junk), f"{junk} does not hold authorities"),
        (CertificateFiles(*files[:2], crl), f"{crl} does not hold authorities"),
        (CertificateFiles(*files[:2], authority.file, junk), f"{junk} does not hold a list of"),
        (
            CertificateFiles(*files[:2], authority.file, authority.file),
            f"{authority.file} does not hold a list of revoked certificates",
        ),
    ):
        with pytest.raises(ValueError, match=re.escape(message)):
            wrong.read()


def test_settings_of_tls_belong_together(authority: Authority, tmp_path: Path) -> None:
    files = authority.issue("a.example.com")
    pair: dict[str, Any] = {"tls_certificate": files.certificate, "tls_key": files.key}
    assert Settings(**pair).tls_files == files
    empty: dict[str, Any] = {"tls_certificate": "", "tls_key": ""}
    assert Settings(**empty).tls_files is None
    both = pair | {"tls_client_ca": authority.file, "tls_client_crl": authority.revoke()}
    assert Settings(**both).tls_files == CertificateFiles(
        *files[:2], authority.file, tmp_path / "revoked.crl"
    )
    names: dict[str, Any] = {
        "worker_tls_client_certificate": files.certificate,
        "worker_tls_client_key": files.key,
        "worker_tls_ca": authority.file,
        "worker_tls_names": "worker.example.com",
    }
    assert Settings(**names).worker_tls_client_files == files._replace(authorities=authority.file)
    assert Settings().worker_tls_client_files is None
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"tls_certificate": files.certificate}, "tls_key", "set both or none"),
        ({"worker_tls_key": files.key}, "worker_tls_key", "set both or none"),
        ({"tls_client_ca": authority.file}, "tls_client_ca", "without SESSIONS_TLS_CERTIFICATE"),
        (pair | {"tls_client_names": "a"}, "tls_client_names", "without SESSIONS_TLS_CLIENT_CA"),
        (both | {"tls_client_names": " , "}, "tls_client_names", "write names with commas"),
        (pair | {"tls_client_crl": authority.file}, "tls_client_crl", "without SESSIONS_TLS_CLI"),
        *(
            (names | {left_out: ""}, "worker_tls_names", "and this, or none of them")
            for left_out in ("worker_tls_ca", "worker_tls_names")
        ),
        (names | {"worker_tls_client_key": ""}, "worker_tls_client_key", "set both or none"),
    ]
    for wrong, setting, message in cases:
        with pytest.raises(ValidationError) as caught:
            Settings(**wrong)
        [problem] = caught.value.errors()
        assert problem["loc"] == (setting,)
        assert message in problem["msg"]
