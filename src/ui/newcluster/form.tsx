/**
 * The form of a new cluster: profile, name, launcher, engines and the
 * launcher's own options from its JSON schema.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ILauncherModel, IProfile } from '../../cluster/state';
import type { IHostTesting } from '../../tokens';
import { OptionsForm } from '../options/optionsform';
import type { IDraft, IRefusal } from './draft';
import { faults, presetOf, withPreset } from './draft';

/** Properties of {@link Form}. */
export interface IFormProps {
  draft: IDraft;
  profiles: readonly IProfile[];
  launchers: readonly ILauncherModel[];
  hosts: IHostTesting;
  /** What the server said against it, and of which field. */
  refusal: IRefusal | null;
  trans: TranslationBundle;
  /** Some fields were filled in anew. */
  onChange(part: Partial<IDraft>): void;
}

/** The fields; the buttons belong to the dialog. */
export function Form(props: IFormProps): JSX.Element {
  const { draft, profiles, launchers, refusal, trans } = props;
  const wrong = faults(draft);
  const launcher = launchers.find(one => one.name === draft.launcher);
  const known = profiles.find(one => one.name === draft.profile);
  const change = props.onChange;
  const rule = trans.__(
    'Letters, digits, dots, dashes and underscores; not beginning with a dot.'
  );
  const said = (field: keyof IDraft) =>
    refusal?.field === field ? refusal.message : null;
  return (
    <div className="jlc-NewCluster">
      {refusal && refusal.field === null && <Fault text={refusal.message} />}
      <div className="jlc-NewCluster-fields">
        <Field
          label={trans.__('Profile')}
          hint={trans.__(
            'The folder of IPython settings that it belongs to; a new name makes a new profile.'
          )}
          fault={
            said('profile') ??
            (draft.profile && wrong.has('profile') ? rule : null)
          }
        >
          {id => (
            <>
              <input
                id={id}
                className="jp-mod-styled"
                list={`${id}-known`}
                value={draft.profile}
                aria-invalid={wrong.has('profile')}
                onChange={event => change({ profile: event.target.value })}
              />
              <datalist id={`${id}-known`}>
                {profiles.map(({ name }) => (
                  <option key={name} value={name} />
                ))}
              </datalist>
            </>
          )}
        </Field>
        <Field
          label={trans.__('Name')}
          hint={trans.__(
            'Empty for the cluster that a plain Client() of the profile finds.'
          )}
          fault={said('clusterId') ?? (wrong.has('clusterId') ? rule : null)}
        >
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              value={draft.clusterId}
              aria-invalid={wrong.has('clusterId')}
              onChange={event => change({ clusterId: event.target.value })}
            />
          )}
        </Field>
        <Field
          label={trans.__('Where engines run')}
          hint={launcher && !launcher.available ? launcher.reason : null}
          fault={said('launcher')}
        >
          {id => (
            <select
              id={id}
              className="jp-mod-styled"
              value={draft.launcher}
              onChange={event =>
                change({ launcher: event.target.value, options: {} })
              }
            >
              {launchers.map(one => (
                <option
                  key={one.name}
                  value={one.name}
                  disabled={!one.available}
                  title={one.reason ?? undefined}
                >
                  {one.available
                    ? one.title
                    : trans.__('%1 (not available)', one.title)}
                </option>
              ))}
            </select>
          )}
        </Field>
        {launcher && launcher.presets.length > 0 && (
          <Field
            label={trans.__('Preset')}
            hint={trans.__(
              'What this site suggests; all of it can be changed.'
            )}
            fault={null}
          >
            {id => (
              <select
                id={id}
                className="jp-mod-styled"
                value={presetOf(draft, launcher.presets)}
                onChange={event => {
                  const { presets } = launcher;
                  const { value } = event.target;
                  change(
                    withPreset(value === '' ? undefined : presets[+value])
                  );
                }}
              >
                <option value="">{trans.__('None')}</option>
                {launcher.presets.map((one, number) => (
                  <option key={one.name} value={number}>
                    {one.name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Field
          label={trans.__('Engines')}
          hint={null}
          fault={
            said('engines') ??
            (wrong.has('engines')
              ? trans.__('A whole number, 0 or more.')
              : null)
          }
        >
          {id => (
            <input
              id={id}
              className="jp-mod-styled"
              type="number"
              min={0}
              step={1}
              value={Number.isNaN(draft.engines) ? '' : draft.engines}
              aria-invalid={wrong.has('engines')}
              onChange={event =>
                change({ engines: event.target.valueAsNumber })
              }
            />
          )}
        </Field>
      </div>
      {launcher && (
        <OptionsForm
          launcher={launcher}
          options={draft.options}
          hosts={props.hosts}
          fault={refusal?.field === 'options' ? refusal : null}
          trans={trans}
          onChange={options => change({ options })}
        />
      )}
      <Remember
        draft={draft}
        asWritten={known?.launcher === draft.launcher ? known.as_written : null}
        trans={trans}
        onChange={change}
      />
    </div>
  );
}

/** Whether the choices become the profile's; and what a profile says that this form cannot. */
function Remember(props: {
  draft: IDraft;
  asWritten: string | null;
  trans: TranslationBundle;
  onChange(part: Partial<IDraft>): void;
}): JSX.Element {
  const { draft, asWritten, trans } = props;
  const id = React.useId();
  return (
    <div className="jlc-NewCluster-remember">
      {asWritten !== null && (
        <div className="jlc-NewCluster-hint">{asWritten}</div>
      )}
      <label>
        <input
          type="checkbox"
          checked={draft.remember}
          aria-describedby={id}
          onChange={event => props.onChange({ remember: event.target.checked })}
        />
        {trans.__('Remember these choices in the profile')}
      </label>
      <div id={id} className="jlc-NewCluster-hint">
        {trans.__(
          'They are written to its ipcluster_config.json, which ipcluster start reads too.'
        )}
      </div>
    </div>
  );
}

function Fault(props: { text: string }): JSX.Element {
  return (
    <div className="jlc-NewCluster-fault" role="alert">
      {props.text}
    </div>
  );
}

function Field(props: {
  label: string;
  hint: string | null;
  fault: string | null;
  children: (id: string) => JSX.Element;
}): JSX.Element {
  const id = React.useId();
  return (
    <div className="jlc-NewCluster-field">
      <label htmlFor={id}>{props.label}</label>
      {props.children(id)}
      {props.fault ? (
        <Fault text={props.fault} />
      ) : (
        props.hint && <div className="jlc-NewCluster-hint">{props.hint}</div>
      )}
    </div>
  );
}
