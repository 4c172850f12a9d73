/** A cluster as the server tells it. */
import type { ICluster } from '../state';

export const ALL_CAN = {
  scale: 'live',
  stop_one: true,
  restart_one: true,
  interrupt_one: true,
  log_per_engine: true
} as const;

export function cluster(fields: Partial<ICluster> = {}): ICluster {
  return {
    key: 'default:',
    profile: 'default',
    cluster_id: '',
    launcher: 'local',
    host: null,
    origin: 'ours',
    state: 'running',
    step: null,
    wanted: 4,
    engines: { launched: 4, registered: 4, busy: 0, lost: 0 },
    degraded: false,
    failure: null,
    job: null,
    capabilities: ALL_CAN,
    started_at: null,
    connection_file: null,
    as_written: null,
    stale: null,
    unreachable: null,
    idle: null,
    notice: null,
    no_start: null,
    no_stop: null,
    max_engines: 10000,
    ...fields
  };
}
