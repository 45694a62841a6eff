import { useTranslation } from 'react-i18next';
import { SelectFilter } from '../list/Filter';
import { useUsers } from './choices';

export function PersonFilter({ value, onChange }: { value: string | undefined; onChange: (value: string) => void }) {
  const { t } = useTranslation();
  const users = useUsers();
  const options = users.items.map((user) => [user.id, user.display_name ? `${user.display_name} (${user.username})` : user.username] as const);
  return <SelectFilter label={t('field.person')} value={value} options={options} onChange={onChange} />;
}
