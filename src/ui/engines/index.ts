export { EngineTable } from './table';
