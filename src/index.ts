/** The list of plugins, nothing else. Each can be switched off alone. */
import { clusterLogs, clusters } from './plugins/clusters';
import { commands } from './plugins/commands';
import { endings } from './plugins/endings';
import { logs } from './plugins/logs';
import { newCluster } from './plugins/newcluster';
import { notebook } from './plugins/notebook';
import { running } from './plugins/running';
import { sidebar } from './plugins/sidebar';
import { startCard } from './plugins/startcard';
import { status } from './plugins/status';

export * from './tokens';

export default [
  clusters,
  clusterLogs,
  commands,
  endings,
  logs,
  newCluster,
  notebook,
  running,
  sidebar,
  startCard,
  status
];
