/** The list of plugins, nothing else. Each can be switched off alone. */
import { clusterLogs, clusters } from './plugins/clusters';
import { commands } from './plugins/commands';
import { connect } from './plugins/connect';
import { endings } from './plugins/endings';
import { logs } from './plugins/logs';
import { newCluster } from './plugins/newcluster';
import { notebook } from './plugins/notebook';
import { preview } from './plugins/preview';
import { profiles } from './plugins/profiles';
import { running } from './plugins/running';
import { sidebar } from './plugins/sidebar';
import { startCard } from './plugins/startcard';
import { status } from './plugins/status';

export * from './tokens';

export default [
  clusters,
  clusterLogs,
  commands,
  connect,
  endings,
  logs,
  newCluster,
  notebook,
  preview,
  profiles,
  running,
  sidebar,
  startCard,
  status
];
