/**
 * The models of the window are those of the server's document: when the two
 * drift apart, this file does not compile. Types only, nothing runs.
 */
import type {
  ICause,
  ICluster,
  IConnection,
  IEngine,
  IHostCheck,
  IHostTest,
  IHostTests,
  ILauncherModel,
  ILine,
  ILoad,
  ILogMatches,
  ILogModel,
  IPreview,
  IProfile
} from '../cluster/state';
import type { components } from './wire';

type Wire = components['schemas'];

/** The same without `readonly`; an object of any fields is spelled one way. */
type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? Record<string, never> extends T
      ? Record<string, unknown>
      : { -readonly [K in keyof T]: Plain<T[K]> }
    : T;

/** What the wire leaves out where it is null. */
type Sparse<T, K extends keyof T> = Omit<T, K> & {
  [P in K]?: NonNullable<T[P]>;
};

type Within<A, B> = [Plain<A>] extends [Plain<B>] ? true : false;
type Same<A, B> = [Within<A, B>, Within<B, A>, keyof A, keyof B] extends [
  true,
  true,
  keyof B,
  keyof A
]
  ? true
  : false;
type Sure<T extends true> = T;

/** True for each pair that agrees. */
export type Agreement = [
  Sure<Same<ICluster, Wire['ClusterModel']>>,
  Sure<Same<IConnection, Wire['Connection']>>,
  Sure<Same<ICause, Wire['Cause']>>,
  Sure<Same<IEngine, Wire['EngineModel']>>,
  Sure<Same<ILoad, Wire['LoadModel']>>,
  Sure<Same<ILauncherModel, Wire['LauncherModel']>>,
  Sure<Same<IProfile, Wire['ProfileModel']>>,
  Sure<Same<ILogModel, Wire['LogModel']>>,
  Sure<Same<ILogMatches, Wire['Matches']>>,
  Sure<Same<IPreview, Wire['Preview']>>,
  Sure<Same<IHostTests, Wire['HostTests']>>,
  Sure<Same<IHostTest, Wire['HostTest']>>,
  Sure<Same<IHostCheck, Wire['HostCheck']>>,
  Sure<Same<ILine, Sparse<Wire['Line'], 'slot' | 'time'>>>
];
