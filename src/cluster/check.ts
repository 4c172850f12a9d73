/**
 * Whether what arrived is what the contract says. The fields that the window
 * computes with are looked at; a row that fails is not shown rather than
 * shown wrongly.
 */
import { MOVES } from './state';
import type {
  ClusterState,
  EngineState,
  ICluster,
  IEngine,
  IHostTest,
  IHostTests,
  ILoad
} from './state';

const ENGINE_STATES: ReadonlySet<string> = new Set<EngineState>([
  'queued',
  'starting',
  'idle',
  'busy',
  'stopping',
  'exited',
  'lost',
  'unregistered'
]);

type Unknown = Readonly<Record<string, unknown>>;

/** Whether it is an object with fields. */
export function isRecord(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function numbers(record: Unknown, names: readonly string[]): boolean {
  return names.every(name => typeof record[name] === 'number');
}

function texts(record: Unknown, names: readonly string[]): boolean {
  return names.every(name => typeof record[name] === 'string');
}

/** Whether it names a state of a cluster. */
export function isClusterState(value: unknown): value is ClusterState {
  return typeof value === 'string' && Object.hasOwn(MOVES, value);
}

/** Whether it is a whole cluster model. */
export function isCluster(row: unknown): row is ICluster {
  return (
    isRecord(row) &&
    texts(row, ['key', 'profile', 'cluster_id', 'launcher', 'origin']) &&
    isClusterState(row.state) &&
    numbers(row, ['wanted']) &&
    typeof row.degraded === 'boolean' &&
    isRecord(row.engines) &&
    numbers(row.engines, ['launched', 'registered', 'busy', 'lost']) &&
    isRecord(row.capabilities) &&
    (row.failure === null ||
      (isRecord(row.failure) && typeof row.failure.cause === 'string'))
  );
}

/** Whether it is a whole engine model. */
export function isEngine(row: unknown): row is IEngine {
  return (
    isRecord(row) &&
    numbers(row, ['slot', 'completed']) &&
    typeof row.state === 'string' &&
    ENGINE_STATES.has(row.state) &&
    (row.cause === null ||
      (isRecord(row.cause) && typeof row.cause.sentence === 'string'))
  );
}

/** Whether it is a point of load. */
export function isLoad(row: unknown): row is ILoad {
  return (
    isRecord(row) &&
    typeof row.time === 'string' &&
    numbers(row, ['registered', 'busy', 'queue', 'done', 'cpu', 'memory'])
  );
}

function isHostTest(row: unknown): row is IHostTest {
  return (
    isRecord(row) &&
    texts(row, ['host', 'state']) &&
    Array.isArray(row.checks) &&
    row.checks.every(check => isRecord(check) && texts(check, ['name']))
  );
}

/** Whether it is a test of hosts. */
export function isHostTests(answer: unknown): answer is IHostTests {
  return (
    isRecord(answer) &&
    texts(answer, ['id']) &&
    Array.isArray(answer.hosts) &&
    answer.hosts.every(isHostTest)
  );
}
