# The server from nixpkgs' libraries. What each is for is in README.md; the names are nixpkgs'.
{
  lib,
  stdenv,
  cmake,
  ninja,
  pkg-config,
  cppunit,
  fmt,
  ldns,
  libarchive,
  libidn2,
  libpsl,
  libunistring,
  libxcrypt,
  openssl,
  poco,
  prometheus-cpp,
  sqlite,
  tl-expected,
  zlib,
}:
let
  parts = [
    "CMakeLists.txt"
    "LICENSE"
    "integration"
    "integration/bench"
    "nixos-module"
    "nixos-module/schema.json"
    "src"
    "tests"
  ];
  root = toString ../.;
  # Only what the build reads, so that a change elsewhere builds nothing anew.
  source = builtins.path {
    path = ../.;
    name = "mox-source";
    filter =
      path: _:
      let
        inside = builtins.substring (builtins.stringLength root + 1) (-1) (toString path);
        top = builtins.head (builtins.split "/" inside);
      in
      builtins.elem inside parts || (builtins.elem top parts && top != "integration" && top != "nixos-module") || lib.hasPrefix "integration/bench/" inside;
  };
  version = builtins.head (builtins.match ".*project\\(mox VERSION ([0-9.]+).*" (builtins.readFile ../CMakeLists.txt));
in
stdenv.mkDerivation {
  pname = "mox";
  inherit version;
  src = source;
  strictDeps = true;
  nativeBuildInputs = [
    cmake
    ninja
    pkg-config
  ];
  buildInputs = [
    cppunit
    fmt
    ldns
    libarchive
    libidn2
    libpsl
    libunistring
    libxcrypt
    openssl
    poco
    prometheus-cpp
    sqlite
    tl-expected
    zlib
  ];
  cmakeBuildType = "Release";
  # Warnings are errors with the compiler that the project is written with; newer ones know more warnings.
  env.NIX_CFLAGS_COMPILE = "-Wno-error";
  ninjaFlags = [
    "mox"
    "moxtests"
  ];
  doCheck = true;
  checkPhase = ''
    runHook preCheck
    tests/moxtests
    runHook postCheck
  '';
  installPhase = ''
    runHook preInstall
    install -D -m 755 mox "$out/bin/mox"
    install -D -m 644 ../LICENSE "$out/share/licenses/mox/LICENSE"
    runHook postInstall
  '';
  meta = {
    description = "Mail server: SMTP, submission and IMAP in one process";
    license = lib.licenses.mit;
    mainProgram = "mox";
    platforms = lib.platforms.linux;
  };
}
