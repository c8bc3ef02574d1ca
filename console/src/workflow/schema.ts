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

export function isWhole(schema: Schema): boolean {
  return [schema.type].flat().includes("integer") && ![schema.type].flat().includes("number");
}

export function isTemplate(value: Json | undefined): value is string {
  return typeof value === "string" && value.includes("{{");
}

const EMPTY_OF: Partial<Record<Kind, Json>> = { text: "", number: 0, boolean: false, lines: [], group: {} };

/** What a person has to fill in: the needed fields of an object, each with its default or an empty value. */
export function blankOf(schema: Schema): Record<string, Json> {
  const needed = schema.required ?? [];
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => needed.includes(name));
  return Object.fromEntries(
    fields.map(([name, raw]) => {
      const field = plainSchema(raw, schema);
      return [name, field.default ?? field.enum?.[0] ?? EMPTY_OF[kindOf(field)] ?? null];
    }),
  );
}
