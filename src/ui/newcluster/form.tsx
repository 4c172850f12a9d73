/**
 * The form of a new cluster: profile, name, launcher, engines and the
 * launcher's own options from its JSON schema.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { RJSFSchema, ValidatorType } from '@rjsf/utils';
// This module is itself fetched only when the dialog opens.
// eslint-disable-next-line jupyter/prefer-lazy-imports
import validator from '@rjsf/validator-ajv8';
import React from 'react';

import type { ILauncherModel } from '../../cluster/state';
import type { IHostTesting } from '../../tokens';
import type { IDraft } from './draft';
import { chosen, faults, withNamedHosts } from './draft';
import { Hosts } from './hosts';

/** The validator as `FormComponent` types it. */
const ajv = validator as ValidatorType<ReadonlyJSONObject>;

/** Properties of {@link Form}. */
export interface IFormProps {
  draft: IDraft;
  profiles: readonly string[];
  launchers: readonly ILauncherModel[];
  hosts: IHostTesting;
  /** What the server said against it, and of which field. */
  refusal: { message: string; field: keyof IDraft | null } | null;
  trans: TranslationBundle;
  /** Some fields were filled in anew. */
  onChange(part: Partial<IDraft>): void;
}

/** The fields; the buttons belong to the dialog. */
export function Form(props: IFormProps): JSX.Element {
  const { draft, profiles, launchers, refusal, trans } = props;
  const wrong = faults(draft);
  const launcher = launchers.find(one => one.name === draft.launcher);
  const hosts = withNamedHosts(chosen(draft.options));
  const change = props.onChange;
  const rule = trans.__(
    'Letters, digits, dots, dashes and underscores; not beginning with a dot.'
  );
  const said = (field: keyof IDraft) =>
    refusal?.field === field ? refusal.message : null;
  return (
    <div className="jlc-NewCluster">
      {refusal && refusal.field === null && <Fault text={refusal.message} />}
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
              {profiles.map(name => (
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
      <Field
        label={trans.__('Engines')}
        hint={null}
        fault={
          said('engines') ??
          (wrong.has('engines') ? trans.__('A whole number, 0 or more.') : null)
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
            onChange={event => change({ engines: event.target.valueAsNumber })}
          />
        )}
      </Field>
      {launcher && (
        <details
          key={launcher.name}
          className="jlc-NewCluster-options"
          open={needsOptions(launcher)}
        >
          <summary>{trans.__('More options')}</summary>
          {said('options') && <Fault text={refusal?.message ?? ''} />}
          <FormComponent
            schema={launcher.options as RJSFSchema}
            formData={draft.options as ReadonlyJSONObject}
            validator={ajv}
            liveValidate
            showErrorList={false}
            showModifiedFromDefault={false}
            buttonStyle="icons"
            tagName="div"
            uiSchema={{ 'ui:submitButtonOptions': { norender: true } }}
            onChange={event => change({ options: event.formData ?? {} })}
          />
        </details>
      )}
      {launcher?.options['x-test-hosts'] === true && hosts !== null && (
        <Hosts
          launcher={launcher.name}
          options={hosts}
          testing={props.hosts}
          trans={trans}
        />
      )}
    </div>
  );
}

/** Whether nothing works without some of the options. */
function needsOptions(launcher: ILauncherModel): boolean {
  const { required } = launcher.options as RJSFSchema;
  return (required?.length ?? 0) > 0;
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
