/** JSON Schema -> what the form shows for it. */

import type { Json, Schema } from "../api/types";

export type Kind = "text" | "number" | "boolean" | "choice" | "lines" | "group" | "other";

/** The schema that a reference or a nullable union stands for. */
export function plainSchema(schema: Schema, root: Schema): Schema {
  let found = schema;
  for (let depth = 0; depth < 8; depth++) {
    const name = found.$ref && /^#\/\$defs\/(.+)$/.exec(found.$ref)?.[1];
    const branches = found.anyOf ?? found.oneOf;
    if (name && root.$defs?.[name])
      found = { ...root.$defs[name], description: found.description ?? root.$defs[name].description };
    else if (branches) {
      const given = branches.filter((each) => each.type !== "null");
      // Of several the form cannot know which is meant: such a field is edited as JSON.
      if (given.length !== 1 || !given[0]) return found;
      found = {
        ...given[0],
        title: found.title,
        description: found.description ?? given[0].description,
        default: found.default,
      };
    } else return found;
  }
  return found;
}

export function kindOf(schema: Schema): Kind {
  if (schema.enum?.every((each) => typeof each === "string")) return "choice";
  const type = Array.isArray(schema.type) ? schema.type.filter((each) => each !== "null") : [schema.type];
  if (type.length !== 1 || schema.anyOf || schema.oneOf || schema.allOf) return "other";
  switch (type[0]) {
    case "string":
      return "text";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "array":
      return schema.items?.type === "string" ? "lines" : "other";
    case "object":
      return schema.properties ? "group" : "other";
    default:
      return "other";
  }
}

export function isTemplate(value: Json | undefined): value is string {
  return typeof value === "string" && value.includes("{{");
}

/** Templates for what an output holds, two levels deep. */
export function templatesOf(prefix: string, schema: Schema | undefined): string[] {
  const found = [`{{ ${prefix} }}`];
  const root = schema ?? {};
  for (const [name, raw] of Object.entries(root.properties ?? {})) {
    const inner = plainSchema(raw, root);
    found.push(`{{ ${prefix}.${name} }}`);
    for (const deeper of Object.keys(inner.properties ?? {})) found.push(`{{ ${prefix}.${name}.${deeper} }}`);
  }
  return found;
}
