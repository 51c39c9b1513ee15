# Option types from the server's own description of its configuration: schema.json is what `mox config schema` prints,
# and a test checks that it still is. Fields that the schema does not have are let through, for a package that is newer
# than this folder; the server itself refuses what it does not know when the configuration is checked.
{ lib }:
let
  inherit (lib) types mkOption;

  schema = builtins.fromJSON (builtins.readFile ./schema.json);

  typeOf =
    s:
    if s ? enum then
      types.enum s.enum
    else if s.type == "object" && s ? properties then
      types.submodule {
        freeformType = types.attrsOf types.anything;
        options = builtins.mapAttrs (_: field: option field { }) s.properties;
      }
    else if s.type == "object" then
      types.attrsOf (typeOf s.additionalProperties)
    else if s.type == "array" then
      types.listOf (typeOf s.items)
    else if s.type == "boolean" then
      types.bool
    else if s.type == "integer" then
      types.int
    else if s.type == "number" then
      types.either types.int types.float
    else if s ? pattern then
      types.strMatching s.pattern
    else
      types.str;

  # null, the default, leaves the field out of the file.
  option =
    s: more:
    mkOption (
      {
        type = types.nullOr (typeOf s);
        default = null;
        description = s.description + (if s ? default then " The server's default is `${toString' s.default}`." else "");
      }
      // more
    );

  toString' = v: if builtins.isBool v then (if v then "true" else "false") else toString v;

  # The description of a field, by the names on the way to it; "*" is any element of a map or list.
  at = builtins.foldl' (
    s: name:
    if name == "*" then
      s.additionalProperties or s.items
    else
      s.properties.${name} or (throw "the server has no field ${name}: nixos-module/schema.json and this module do not fit")
  ) schema;
in
{
  # An option with the type and description of a field; `more` are attributes of mkOption, such as a default.
  field = path: more: option (at path) more;
  # The whole configuration.
  type = typeOf schema;
}
