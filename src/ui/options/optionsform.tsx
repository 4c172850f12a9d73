/**
 * A launcher's own options, drawn from its JSON schema; its hosts, where it has
 * some, as a table. Used wherever options are chosen; keeps nothing itself.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { FormComponent } from '@jupyterlab/ui-components';
import type { ReadonlyJSONObject } from '@lumino/coreutils';
import type { ErrorSchema, RJSFSchema, ValidatorType } from '@rjsf/utils';
// This module is itself fetched only with what uses it.
// eslint-disable-next-line jupyter/prefer-lazy-imports
import validator from '@rjsf/validator-ajv8';
import React, { useEffect, useRef } from 'react';

import type { ILauncherModel } from '../../cluster/state';
import type { IHostTesting } from '../../tokens';
import { Hosts } from '../hosts/hosts';
import type { IHostLine } from '../hosts/hosttext';
import { chosen, sameOptions, withNamedHosts, withoutDefaults } from './chosen';
import type { IOptionFault, Options } from './schema';
import { nameFields } from './names';
import { extraErrors, hasHosts, moreOfHosts, withoutHosts } from './schema';
import '../../../style/newcluster.css';

/** The validator as `FormComponent` types it. */
const ajv = validator as ValidatorType<ReadonlyJSONObject>;

/** Properties of {@link OptionsForm}. */
export interface IOptionsFormProps {
  launcher: ILauncherModel;
  options: Options;
  hosts: IHostTesting;
  /** What the server has against one of them. */
  fault: IOptionFault | null;
  trans: TranslationBundle;
  onChange(options: Options): void;
}

/** Hosts first, for nothing works without them; the rest folds. */
export function OptionsForm(props: IOptionsFormProps): JSX.Element {
  const { launcher, options, fault, trans, onChange } = props;
  const schema = launcher.options;
  const { hosts, ...others } = options;
  const ofHosts = hasHosts(schema);
  const inTable = ofHosts && fault?.path[0] === 'hosts';
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (fault && !inTable && details.current) {
      details.current.open = true;
    }
  }, [fault, inTable]);
  const draw = ofHosts ? others : options;
  // Two changes may come before the next drawing; and the form tells what it
  // filled in before effects run.
  const given = useRef(options);
  const last = useRef(draw);
  if (given.current !== options) {
    given.current = options;
    last.current = draw;
  }
  useEffect(() => {
    if (details.current) {
      nameFields(details.current, schema, trans);
    }
  });
  return (
    <>
      {ofHosts && (
        <Hosts
          launcher={launcher.name}
          lines={Array.isArray(hosts) ? (hosts as IHostLine[]) : []}
          more={moreOfHosts(schema)}
          options={withNamedHosts(chosen(options))}
          fault={
            inTable
              ? { line: lineOf(hosts, fault.path[1]), message: fault.message }
              : null
          }
          testing={props.hosts}
          trans={trans}
          onChange={lines => onChange({ ...options, hosts: lines })}
        />
      )}
      <details
        key={launcher.name}
        ref={details}
        className="jlc-NewCluster-options"
        open={schema['x-open'] === true || undefined}
      >
        <summary>{trans.__('More options')}</summary>
        {fault && fault.path.length === 0 && (
          <div className="jlc-NewCluster-fault" role="alert">
            {fault.message}
          </div>
        )}
        <FormComponent
          schema={withoutHosts(schema) as RJSFSchema}
          formData={draw as ReadonlyJSONObject}
          validator={ajv}
          liveValidate
          showErrorList={false}
          showModifiedFromDefault={false}
          buttonStyle="icons"
          tagName="div"
          uiSchema={{ 'ui:submitButtonOptions': { norender: true } }}
          extraErrors={extraErrors(inTable ? null : fault) as ErrorSchema}
          onChange={event => {
            // The form tells what it filled in by itself too, without being asked.
            const changed = withoutDefaults(
              event.formData ?? {},
              last.current,
              schema
            );
            if (!sameOptions(changed, last.current)) {
              last.current = changed;
              onChange(ofHosts && hosts ? { ...changed, hosts } : changed);
            }
          }}
        />
      </details>
    </>
  );
}

/** The line of the table that the server means: lines without a name are not sent. */
function lineOf(hosts: unknown, place: string | undefined): number {
  const lines = Array.isArray(hosts) ? (hosts as IHostLine[]) : [];
  const sent = lines.flatMap((line, at) => (line.host ? [at] : []));
  return sent[Number(place ?? 0)] ?? 0;
}
