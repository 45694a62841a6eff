// The virtual functions of a bServer as one sees them on the cards: a row a physical function, a cell
// a virtual one. Each cell says its state in a word and a mark; colour only repeats it.
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Vf } from '../api/types';
import { formatTime } from '../words/time';

const STATES = ['free', 'assigned', 'quarantine', 'lost'] as const;
const MARKS: Record<Vf['state'], string> = { free: '○', assigned: '●', quarantine: '◐', lost: '✕' };

/** Physical functions by name, the virtual ones of each by their number. */
export function cardsOf(vfs: readonly Vf[]): [pf: string, vfs: Vf[]][] {
  const cards = new Map<string, Vf[]>();
  for (const vf of vfs) cards.set(vf.pf, [...(cards.get(vf.pf) ?? []), vf]);
  return [...cards].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })).map(([pf, of]) => [pf, of.sort((a, b) => a.index - b.index)]);
}

export function VfMap({ vfs }: { vfs: readonly Vf[] }) {
  const { t } = useTranslation();
  return cardsOf(vfs).map(([pf, of]) => (
    <div key={pf}>
      <h3 id={`pf-${pf}`}>{pf}</h3>
      <p className="quiet">
        {STATES.map((state) => [state, of.filter((vf) => vf.state === state).length] as const)
          .filter(([, count]) => count > 0)
          .map(([state, count]) => `${MARKS[state]} ${t(`vfState.${state}`)} ${count}`)
          .join(' · ')}
      </p>
      <ul className="vf-grid" aria-labelledby={`pf-${pf}`}>
        {of.map((vf) => (
          <VfCell key={vf.id} vf={vf} />
        ))}
      </ul>
    </div>
  ));
}

function VfCell({ vf }: { vf: Vf }) {
  const { t, i18n } = useTranslation();
  const word = t(`vfState.${vf.state}`, { defaultValue: vf.state });
  return (
    <li className={`vf ${vf.state}`}>
      <span className="mono">{vf.address}</span>
      <span>
        <span aria-hidden="true">{MARKS[vf.state]}</span> {word}
      </span>
      {vf.desktop_id && <Link to={`/admin/desktops/${vf.desktop_id}`}>{vf.desktop_name ?? t('vf.desktop')}</Link>}
      {vf.mac && <span className="mono">{vf.mac}</span>}
      {vf.vlan !== null && <span>{t('vf.vlan', { vlan: vf.vlan })}</span>}
      {vf.reason && <span title={vf.since ? formatTime(vf.since, i18n.language) : undefined}>{t(`vf.reason.${vf.reason}`, { defaultValue: vf.reason })}</span>}
      {vf.drift && <strong>{t(`vf.drift.${vf.drift}`, { defaultValue: vf.drift })}</strong>}
    </li>
  );
}
