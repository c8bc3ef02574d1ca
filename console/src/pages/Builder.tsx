import { Page } from "../components/basics";

export default function Builder() {
  return <Page title="Builder">…</Page>;
}
