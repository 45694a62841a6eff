// Short names for the schemas of ccc/openapi.json.
import type { components } from './schema';

type Schemas = components['schemas'];

export type Me = Schemas['Me'];
export type Session = Schemas['Session'];
export type ModuleLogin = Schemas['ModuleLogin'];
export type Desktop = Schemas['Desktop'];
export type DesktopState = Schemas['DesktopState'];
export type DesktopAction = Schemas['DesktopAction'];
export type DesktopFilter = Schemas['DesktopFilter'];
export type DesktopActionsPreview = Schemas['DesktopActionsPreview'];
export type SavedFilter = Schemas['SavedFilter'];
export type MyPool = Schemas['MyPool'];
export type Pool = Schemas['Pool'];
export type NewPool = Schemas['NewPool'];
export type PoolPreview = Schemas['PoolPreview'];
export type PoolShare = Schemas['PoolShare'];
export type PoolIo = Schemas['PoolIo'];
export type Image = Schemas['Image'];
export type ImageVersion = Schemas['ImageVersion'];
export type Spec = Schemas['Spec'];
export type NewSpec = Schemas['NewSpec'];
export type User = Schemas['User'];
export type NewUser = Schemas['NewUser'];
export type Group = Schemas['Group'];
export type Entitlement = Schemas['Entitlement'];
export type Operation = Schemas['Operation'];
export type OperationState = Schemas['OperationState'];
export type OperationStage = Schemas['OperationStage'];
export type Connection = Schemas['Connection'];
export type LiveConnection = Schemas['LiveConnection'];
export type Ticket = Schemas['Ticket'];
export type Display = Schemas['Display'];
export type Module = Schemas['Module'];
export type Block = Schemas['Block'];
export type TopologyBlock = Schemas['TopologyBlock'];
export type TopologyModule = Schemas['TopologyModule'];
export type Bserver = Schemas['Bserver'];
export type BserverIo = Schemas['BserverIo'];
export type Vf = Schemas['Vf'];
export type Placement = Schemas['Placement'];
export type Node = Schemas['Node'];
export type NodeKind = Schemas['NodeKind'];
export type NodeToken = Schemas['NodeToken'];
export type AuditEntry = Schemas['AuditEntry'];
export type Problem = Schemas['Problem'];
export type ChangedEvent = Schemas['ChangedEvent'];

/** What every list answer has. */
export interface Page<T> {
  items: T[];
  next: string | null;
  as_of: string;
}
