# The OCI image of container/, with nixpkgs' libraries at their own paths in the store.
{
  lib,
  runCommand,
  python3,
  binutils,
  glibc,
  cacert,
  tzdata,
  mox,
  epoch,
}:
let
  writer = builtins.path {
    path = ../container;
    name = "mox-container";
  };
in
runCommand "mox-image.tar"
  {
    nativeBuildInputs = [
      python3
      binutils
      glibc.bin
    ];
    SOURCE_DATE_EPOCH = toString epoch;
    MOX_IMAGE_LICENCE = "${mox}/share/licenses/mox/LICENSE";
    MOX_IMAGE_CERTIFICATES = "${cacert}/etc/ssl/certs/ca-bundle.crt";
    MOX_IMAGE_ZONES = "${tzdata}/share/zoneinfo";
  }
  ''
    python3 ${writer}/image.py ${mox}/bin/mox "$out"
  ''
