import { Link } from 'react-router';

interface NumberCardProps {
  title: string;
  figure: string;
  note?: string;
  to: string;
  isAlarm?: boolean;
}

export function NumberCard({ title, figure, note, to, isAlarm = false }: NumberCardProps) {
  return (
    <Link to={to} className={isAlarm ? 'number-card alarm' : 'number-card'}>
      <span className="quiet">{title}</span>
      <span className="figure">{figure}</span>
      {note && <span className="quiet">{note}</span>}
    </Link>
  );
}
