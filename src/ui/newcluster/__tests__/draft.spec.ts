import type { IDraft } from '../draft';
import { presetOf, withPreset } from '../draft';

const DRAFT: IDraft = {
  profile: 'default',
  clusterId: '',
  launcher: 'slurm',
  engines: 3,
  options: {},
  remember: true
};

const PRESETS = [
  { name: 'Small', options: { partition: 'short', nodes: 1 }, engines: 8 },
  { name: 'Debug', options: { partition: 'debug' }, engines: null }
];

describe('presets', () => {
  it('fill in what they name, and the number where they have one', () => {
    expect({ ...DRAFT, ...withPreset(PRESETS[0]) }).toMatchObject({
      options: PRESETS[0].options,
      engines: 8
    });
    expect({ ...DRAFT, ...withPreset(PRESETS[1]) }).toMatchObject({
      options: PRESETS[1].options,
      engines: 3
    });
    expect(withPreset(undefined)).toEqual({ options: {} });
  });

  it('are shown as chosen until an option is changed', () => {
    const small = { ...DRAFT, options: { nodes: 1, partition: 'short' } };
    expect(presetOf(small, PRESETS)).toBe('0');
    const filled = { ...small, options: { ...small.options, gpus: '' } };
    expect(presetOf(filled, PRESETS)).toBe('0');
    const changed = { ...small, options: { ...small.options, nodes: 2 } };
    expect(presetOf(changed, PRESETS)).toBe('');
    expect(presetOf(DRAFT, PRESETS)).toBe('');
  });
});
