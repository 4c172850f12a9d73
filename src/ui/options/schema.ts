/** What the form reads out of a launcher's JSON schema besides what it draws by itself. Pure. */
import type { IMoreField } from '../hosts/hostline';

/** A JSON schema, as far as it is looked at here. */
export type Schema = Readonly<Record<string, unknown>>;

/** Options by name. */
export type Options = Readonly<Record<string, unknown>>;

function record(value: unknown): Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Schema)
    : {};
}

/** Whether the launcher's hosts are a list that has a table of its own. */
export function hasHosts(schema: Schema): boolean {
  return (
    schema['x-test-hosts'] === true && 'hosts' in record(schema.properties)
  );
}

/** The schema without what has a table of its own. */
export function withoutHosts(schema: Schema): Schema {
  if (!hasHosts(schema)) {
    return schema;
  }
  const properties = Object.fromEntries(
    Object.entries(record(schema.properties)).filter(
      ([name]) => name !== 'hosts'
    )
  );
  const required = Array.isArray(schema.required) ? schema.required : [];
  return {
    ...schema,
    properties,
    required: required.filter(name => name !== 'hosts')
  };
}

/** What may be said of a host besides its name and number. */
export function moreOfHosts(schema: Schema): IMoreField[] {
  const hosts = record(record(schema.properties).hosts);
  const fields = record(record(hosts.items).properties);
  return Object.entries(fields)
    .filter(([name]) => name !== 'host' && name !== 'engines')
    .map(([name, field]) => {
      const { title, description, type } = record(field);
      return {
        name,
        title: typeof title === 'string' ? title : name,
        hint: typeof description === 'string' ? description : null,
        words: type === 'array'
      };
    });
}

/** Something that the server has against an option. */
export interface IOptionFault {
  readonly message: string;
  /** The way to the option: `['hosts', '0', 'host']`; empty when it is of none. */
  readonly path: readonly string[];
}

/** The same as a form of rjsf takes it. */
export function extraErrors(
  fault: IOptionFault | null
): Record<string, unknown> | undefined {
  if (!fault || fault.path.length === 0) {
    return undefined;
  }
  return fault.path.reduceRight<Record<string, unknown>>(
    (inner, name) => ({ [name]: inner }),
    { __errors: [fault.message] }
  );
}
