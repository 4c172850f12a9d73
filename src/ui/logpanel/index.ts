/** Makes the panel of a log: its toolbar, its lines, its foot. */
import { MainAreaWidget } from '@jupyterlab/apputils';

import type { ILogPanelOptions } from './panel';
import { LogPanel } from './panel';
import { fillToolbar } from './toolbar';
import '../../../style/logpanel.css';

export type { LogPanel } from './panel';

let made = 0;

export function createLogPanel(
  options: ILogPanelOptions
): MainAreaWidget<LogPanel> {
  const content = new LogPanel(options);
  const widget = new MainAreaWidget({
    content,
    translator: undefined
  });
  made += 1;
  widget.id = `jlc-log-${made}`;
  widget.title.closable = true;
  widget.toolbar.node.setAttribute('aria-label', content.title.label);
  fillToolbar(widget.toolbar, content, options.trans);
  void content.refreshLogs();
  return widget;
}
