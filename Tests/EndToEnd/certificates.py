"""Certificates for the servers of tests, made by openssl."""

import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


def openssl(*words):
    subprocess.run(["/usr/bin/openssl", *[str(word) for word in words]], check=True, capture_output=True)


def authority(directory):
    """Makes a certificate authority; returns its certificate file."""
    directory.mkdir(exist_ok=True)
    openssl("req", "-x509", *KEY, "-keyout", directory / "ca.key", "-out", directory / "ca.pem", "-subj", "/CN=Test CA",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    return directory / "ca.pem"


def server(directory, name, *names, signed=True):
    """A server certificate for these names, signed by the authority or self-signed; returns (certificate, key)."""
    certificate, key = directory / f"{name}.pem", directory / f"{name}.key"
    signer = ["-CA", directory / "ca.pem", "-CAkey", directory / "ca.key"] if signed else []
    openssl("req", "-x509", *KEY, *signer, "-keyout", key, "-out", certificate, "-subj", f"/CN={names[0]}",
            "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
            "-addext", "subjectAltName=" + ",".join(
                f"{'IP' if each.replace('.', '').isdigit() and each.count('.') == 3 else 'DNS'}:{each}"
                for each in names))
    return certificate, key
