/** The form that says how clusters of a profile start; what is saved goes to the profile's JSON file. */
import React, { useId, useState } from 'react';

import { enginesOf } from '../../cluster/summary';
import { refusalOf } from '../newcluster/draft';
import type { IRefusal } from '../newcluster/draft';
import { beyond, chosen } from '../options/chosen';
import { OptionsForm } from '../options/optionsform';
import type { IProfilePageProps } from './page';

interface IChosen {
  readonly launcher: string;
  readonly engines: number | null;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Follows the profile until something is changed here. */
export function Choices(props: IProfilePageProps): JSX.Element {
  const { profile, launchers, hosts, actions, trans } = props;
  const [changed, change] = useState<IChosen | null>(null);
  const [refusal, refuse] = useState<IRefusal | null>(null);
  const [state, become] = useState<'' | 'saving' | 'saved'>('');
  const id = useId();
  const own: IChosen = {
    launcher: profile.launcher,
    engines: enginesOf(profile),
    options: profile.options
  };
  const now = changed ?? own;
  const launcher = launchers.find(one => one.name === now.launcher);
  const differs =
    changed !== null &&
    (changed.launcher !== own.launcher ||
      changed.engines !== own.engines ||
      Object.keys(beyond(changed.options, own.options, launcher?.options ?? {}))
        .length > 0);
  const set = (part: Partial<IChosen>) => {
    change({ ...now, ...part });
    refuse(null);
    become('');
  };
  const save = async () => {
    become('saving');
    try {
      await actions.save(now.launcher, chosen(now.options), now.engines);
      change(null);
      become('saved');
    } catch (error) {
      refuse(refusalOf(error));
      become('');
    }
  };
  return (
    <section className="jlc-NewCluster jlc-Choices" aria-labelledby={id}>
      <h2 id={id}>{trans.__('How its clusters start')}</h2>
      {profile.as_written !== null && !differs && (
        <p className="jlc-NewCluster-hint">
          {trans.__(
            'What is saved here is written beside those settings and goes before them.'
          )}
        </p>
      )}
      <div className="jlc-Choices-line">
        <label htmlFor={`${id}-launcher`}>
          {trans.__('Where engines run')}
        </label>
        <select
          id={`${id}-launcher`}
          className="jp-mod-styled"
          value={now.launcher}
          onChange={event =>
            set({
              launcher: event.target.value,
              options: event.target.value === own.launcher ? own.options : {}
            })
          }
        >
          {launchers.map(one => (
            <option
              key={one.name}
              value={one.name}
              disabled={!one.available && one.name !== own.launcher}
              title={one.reason ?? undefined}
            >
              {one.available
                ? one.title
                : trans.__('%1 (not available)', one.title)}
            </option>
          ))}
        </select>
        <label htmlFor={`${id}-engines`}>{trans.__('Engines')}</label>
        <input
          id={`${id}-engines`}
          className="jp-mod-styled"
          type="number"
          min={1}
          placeholder={trans.__('as many as cores')}
          value={now.engines ?? ''}
          onChange={event => {
            const { valueAsNumber } = event.target;
            set({
              engines: Number.isNaN(valueAsNumber) ? null : valueAsNumber
            });
          }}
        />
      </div>
      {launcher && (
        <OptionsForm
          launcher={launcher}
          options={now.options}
          hosts={hosts}
          fault={refusal?.field === 'options' ? refusal : null}
          trans={trans}
          onChange={options => set({ options })}
        />
      )}
      {refusal && refusal.field !== 'options' && (
        <div className="jlc-NewCluster-fault" role="alert">
          {refusal.message}
        </div>
      )}
      <div className="jlc-Choices-line">
        <button
          type="button"
          className="jp-Button jp-mod-styled jp-mod-accept"
          disabled={!differs || state === 'saving'}
          onClick={() => void save()}
        >
          {trans.__('Save to profile')}
        </button>
        {differs && (
          <button
            type="button"
            className="jp-Button jp-mod-styled"
            onClick={() => {
              change(null);
              refuse(null);
            }}
          >
            {trans.__('Discard changes')}
          </button>
        )}
        <span role="status">
          {state === 'saved' &&
            trans.__(
              'Saved to ipcluster_config.json; ipcluster start --profile=%1 starts the same.',
              profile.name
            )}
        </span>
      </div>
    </section>
  );
}
