{
  description = "mox, a mail server in one process";

  # flake.lock names a revision of nixos-26.05 that was put together from public lock files; see nixos-module/README.md.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEach = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
      moxOf = pkgs: pkgs.callPackage ./nixos-module/package.nix { };

      # The module with the package of this flake. Its key lets a system import it more than once.
      module = {
        _file = ./nixos-module/default.nix;
        key = "mox#nixosModules.default";
        imports = [ (import ./nixos-module { packageFor = moxOf; }) ];
      };
    in
    {
      packages = forEach (
        pkgs:
        let
          mox = moxOf pkgs;
        in
        {
          inherit mox;
          default = mox;
          # An OCI image for podman and Docker: `podman load -i result`.
          image = pkgs.callPackage ./nixos-module/image.nix {
            inherit mox;
            epoch = self.lastModified or 1;
          };
        }
      );

      # nixpkgs has another program called mox, which stays what it is.
      overlays.default = final: _: { mox-server = moxOf final; };

      nixosModules = {
        default = module;
        mox = module;
      };

      apps = forEach (pkgs: rec {
        mox = {
          type = "app";
          program = "${moxOf pkgs}/bin/mox";
        };
        default = mox;
      });

      devShells = forEach (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ (moxOf pkgs) ];
          packages = [
            pkgs.ccache
            pkgs.python3
          ];
        };
      });

      # The package (with its unit tests), a whole system with the module, and the scripts of integration/machines that
      # name this back end, on virtual machines.
      checks = forEach (
        pkgs:
        {
          package = moxOf pkgs;
          module = import ./nixos-module/tests/check.nix { inherit nixpkgs pkgs module; };
        }
        // import ./nixos-module/tests/vm.nix { inherit lib pkgs module; }
      );
    };
}
