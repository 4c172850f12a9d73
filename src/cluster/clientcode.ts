/**
 * The Python text that connects a client to a cluster. Promise: names are
 * quoted as Python literals, so no name can become code. Never runs anything.
 */

/** What the text needs to know of a cluster. */
export interface IConnectable {
  readonly profile: string;
  readonly cluster_id: string;
  readonly wanted: number;
}

/** Seconds that the text waits, for the controller and for its engines. */
const TIMEOUT = 60;

/** A Python string literal; JSON's escapes are all Python's escapes too. */
export function pythonLiteral(text: string): string {
  return JSON.stringify(text);
}

/** Arguments of `ipp.Client`; those that are its defaults are left out. */
function clientArguments(cluster: IConnectable): string {
  const { profile, cluster_id } = cluster;
  return [
    ...(profile === 'default' ? [] : [`profile=${pythonLiteral(profile)}`]),
    ...(cluster_id === '' ? [] : [`cluster_id=${pythonLiteral(cluster_id)}`]),
    `timeout=${TIMEOUT}`
  ].join(', ');
}

/** Python lines that connect, wait for the wanted engines and make a view. */
export function clientCode(cluster: IConnectable): string {
  return code(cluster, clientArguments(cluster));
}

/**
 * The same for another computer: by the connection `file` beside the code, or
 * by the profile where that is the same there; through ssh where `server` is named.
 */
export function elsewhereCode(
  cluster: IConnectable,
  file: string | null,
  server: string | null
): string {
  const of = file === null ? clientArguments(cluster) : null;
  const parts = [
    ...(file === null ? [] : [pythonLiteral(file)]),
    ...(server === null ? [] : [`sshserver=${pythonLiteral(server)}`]),
    of ?? `timeout=${TIMEOUT}`
  ];
  return code(cluster, parts.join(', '));
}

function code(cluster: IConnectable, client: string): string {
  const waits = cluster.wanted > 0;
  return [
    'import ipyparallel as ipp',
    '',
    `rc = ipp.Client(${client})`,
    ...(waits
      ? [
          `rc.wait_for_engines(${cluster.wanted}, timeout=${TIMEOUT})`,
          'view = rc[:]'
        ]
      : [])
  ].join('\n');
}
