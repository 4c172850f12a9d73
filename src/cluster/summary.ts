/** Counts and words for rows, status bar and notices. Pure. */
import type { Link } from '../tokens';
import type { ICluster, IProfile } from './state';

/** A cluster's name for a person: its profile, and its id where it has one. */
export function nameOf(
  cluster: Pick<ICluster, 'profile' | 'cluster_id'>
): string {
  return cluster.cluster_id
    ? `${cluster.profile} / ${cluster.cluster_id}`
    : cluster.profile;
}

/** Totals over the clusters that run or are about to. */
export interface ITotals {
  readonly clusters: number;
  readonly registered: number;
  readonly wanted: number;
  readonly failed: number;
}

/** Totals for the status bar. */
export function totals(clusters: readonly ICluster[]): ITotals {
  const active = clusters.filter(isActive);
  return {
    clusters: active.length,
    registered: active.reduce((sum, c) => sum + c.engines.registered, 0),
    wanted: active.reduce((sum, c) => sum + c.wanted, 0),
    failed: clusters.filter(c => c.state === 'failed').length
  };
}

/** Whether something of it runs or will. */
export function isActive(cluster: ICluster): boolean {
  return ['starting', 'running', 'stopping'].includes(cluster.state);
}

/** How many busy engines would be stopped by scaling to `engines`. */
export function busyLost(cluster: ICluster, engines: number): number {
  const { launched, busy } = cluster.engines;
  const idle = Math.max(0, launched - busy);
  return Math.max(0, Math.min(busy, launched - engines - idle));
}

/** Whether it is at rest and ours, so that a start is what it could be asked for. */
export function isAtRest(cluster: ICluster): boolean {
  return (
    cluster.origin === 'ours' &&
    (cluster.state === 'stopped' || cluster.state === 'failed')
  );
}

/** Whether it may be started. */
export function canStart(cluster: ICluster): boolean {
  return isAtRest(cluster) && cluster.no_start === null;
}

/** Whether it may be stopped: something of it is there. */
export function canStop(cluster: ICluster): boolean {
  return hasSomething(cluster) && cluster.no_stop === null;
}

/** Whether there is something of it to stop. */
export function hasSomething(cluster: ICluster): boolean {
  return (
    cluster.state === 'starting' ||
    cluster.state === 'running' ||
    (cluster.state === 'failed' && cluster.engines.launched > 0)
  );
}

/** The number of engines that a profile itself asks for, if it does. */
export function enginesOf(profile: IProfile | undefined): number | null {
  const asked = profile?.settings.find(one => one.name === 'Cluster.n')?.value;
  return typeof asked === 'number' ? asked : null;
}

/** Whether what is shown is how things are. */
export function isFresh(link: Link): boolean {
  return link === 'live' || link === 'asking';
}

/** Whether it runs with fewer engines than are wanted, and would get them by being scaled to that number. */
export function lacksEngines(cluster: ICluster): boolean {
  const { state, step, degraded, engines, wanted, capabilities } = cluster;
  return (
    state === 'running' &&
    step === null &&
    degraded &&
    engines.registered < wanted &&
    engines.launched < wanted &&
    capabilities.scale === 'live'
  );
}
