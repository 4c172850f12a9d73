import type { ILauncherModel, IProfile } from '../../../cluster/state';
import { Suggestions } from '../suggestions';

const PROFILE: IProfile = {
  name: 'default',
  path: '/p',
  launcher: 'local',
  loading: false,
  settings: [],
  errors: [],
  options: {},
  as_written: null
};

const LAUNCHERS = ['local', 'slurm'].map(name => ({
  name,
  title: name,
  options: {},
  available: true,
  reason: null,
  presets: []
})) as unknown as ILauncherModel[];

const LAST = { default: { slurm: { partition: 'short' } } };

describe('what a form begins with', () => {
  it('is what was chosen the last time where the profile says nothing', () => {
    const suggestions = new Suggestions([PROFILE], LAUNCHERS, 4, LAST);
    const draft = suggestions.first();
    expect(draft.options).toEqual({});
    expect(suggestions.changed(draft, { launcher: 'slurm' }).options).toEqual({
      partition: 'short'
    });
    const other = suggestions.changed(draft, { profile: 'other' });
    expect(suggestions.changed(other, { launcher: 'slurm' }).options).toEqual(
      {}
    );
  });

  it('is what the profile says before that', () => {
    const options = { partition: 'long' };
    const profile = { ...PROFILE, launcher: 'slurm' as const, options };
    const suggestions = new Suggestions([profile], LAUNCHERS, 4, LAST);
    expect(suggestions.first().options).toEqual(options);
  });

  it('is nothing where the profile says more than options can', () => {
    const profile = {
      ...PROFILE,
      launcher: 'slurm' as const,
      as_written: 'a template'
    };
    const suggestions = new Suggestions([profile], LAUNCHERS, 4, LAST);
    expect(suggestions.first().options).toEqual({});
  });

  it('never takes back what a person has filled in', () => {
    const suggestions = new Suggestions([PROFILE], LAUNCHERS, 4, LAST);
    const filled = suggestions.changed(suggestions.first(), {
      launcher: 'slurm',
      options: { partition: 'mine' }
    });
    expect(suggestions.changed(filled, { clusterId: 'x' }).options).toEqual({
      partition: 'mine'
    });
  });
});
