/**
 * What a profile suggests for a new cluster: its launcher, options and number
 * of engines. Never changes what a person has filled in. No requests.
 */
import type { ILauncherModel, IProfile } from '../../cluster/state';
import { enginesOf } from '../../cluster/summary';
import { onHosts } from '../options/chosen';
import type { IDraft } from './draft';

type Options = Readonly<Record<string, unknown>>;

/** What was chosen the last time: by profile, then by launcher. */
export type LastChoices = Readonly<
  Record<string, Readonly<Record<string, Options>>>
>;

/** Follows a draft, and what of it the person has touched. */
export class Suggestions {
  constructor(
    private readonly _profiles: readonly IProfile[],
    private readonly _launchers: readonly ILauncherModel[],
    private readonly _cores: number,
    private readonly _last: LastChoices = {}
  ) {}

  /** What the form begins with. */
  first(): IDraft {
    const draft: IDraft = {
      profile: 'default',
      clusterId: '',
      launcher: '',
      engines: 0,
      options: {},
      remember: true
    };
    return { ...draft, ...this._suggested(draft) };
  }

  /** The draft after some fields were filled in. */
  changed(draft: IDraft, part: Partial<IDraft>): IDraft {
    Object.keys(part).forEach(name => this._touched.add(name));
    if (part.launcher !== undefined && !('options' in part)) {
      this._touched.delete('options');
    }
    const now = { ...draft, ...part };
    return { ...now, ...this._suggested(now) };
  }

  /** The launcher that a profile leads to, be it here or not; a new profile has the first that is here. */
  launcherOf(profile: string): string {
    const asked = this._profile(profile)?.launcher;
    const found =
      this._launchers.find(one => one.name === asked) ??
      this._launchers.find(one => one.available);
    return found?.name ?? 'local';
  }

  /** The options that a profile has for a launcher. */
  optionsOf(profile: string, launcher: string): Options {
    const known = this._profile(profile);
    return known?.launcher === launcher ? known.options : {};
  }

  /** Whether the profile says more of this launcher than options can. */
  asWritten(profile: string, launcher: string): boolean {
    const known = this._profile(profile);
    return known?.launcher === launcher && known.as_written !== null;
  }

  /** The number of engines that hosts take, that the profile asks for, or that this machine has cores. */
  enginesOf(profile: string, options: Options): number {
    const own = enginesOf(this._profile(profile));
    return onHosts(options) ?? own ?? this._cores;
  }

  /** What the form begins with: the profile's own, where it has none the choices of the last time. */
  private _begin(profile: string, launcher: string): Options {
    const own = this.optionsOf(profile, launcher);
    return this.asWritten(profile, launcher) || Object.keys(own).length > 0
      ? own
      : (this._last[profile]?.[launcher] ?? {});
  }

  private _suggested(draft: IDraft): Partial<IDraft> {
    const free = (name: keyof IDraft) => !this._touched.has(name);
    const launcher =
      free('launcher') && free('options')
        ? this.launcherOf(draft.profile)
        : draft.launcher;
    const options = free('options')
      ? this._begin(draft.profile, launcher)
      : draft.options;
    const engines = free('engines')
      ? this.enginesOf(draft.profile, options)
      : draft.engines;
    const remember = free('remember')
      ? this._remembers(draft, launcher)
      : draft.remember;
    return { launcher, options, engines, remember };
  }

  /**
   * A cluster with a name of its own is one beside the profile's: what it is to
   * the others of the profile is for the person to say. What a profile says in
   * words that the form does not have is not written over unasked.
   */
  private _remembers(draft: IDraft, launcher: string): boolean {
    return draft.clusterId === '' && !this.asWritten(draft.profile, launcher);
  }

  private _profile(name: string): IProfile | undefined {
    return this._profiles.find(one => one.name === name);
  }

  private readonly _touched = new Set<string>();
}
