-- Searches that row-level security would keep from their index: only leakproof operators
-- reach one under a policy, and @@, @>, LIKE and regex are not (DESIGN §4). Each function
-- runs as sapa_system, takes the tenant from the transaction's setting and nothing else,
-- and has a fixed search_path. All such functions live in this file.

CREATE OR REPLACE FUNCTION search_contacts(
    query text, before_id uuid, max_rows integer, any_tags uuid[] DEFAULT NULL, from_source text DEFAULT NULL
)
RETURNS TABLE (id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
    SELECT c.id FROM contacts c
    WHERE c.tenant_id = NULLIF(current_setting('app.tenant_id', true), '')::uuid
      AND c.deleted_at IS NULL
      AND c.search_vector @@ to_tsquery('simple', query)
      AND (before_id IS NULL OR c.id < before_id)
      AND (from_source IS NULL OR c.source = from_source)
      AND (any_tags IS NULL OR EXISTS (
          SELECT 1 FROM contact_tags t
          WHERE t.tenant_id = c.tenant_id AND t.contact_id = c.id AND t.tag_id = ANY (any_tags)))
    ORDER BY c.id DESC
    LIMIT max_rows
$$;

-- Newest first without reading every hit of a common word: first the latest messages are walked in
-- order, and only a word that is rare among them is looked up in the index, which then has few hits.
CREATE OR REPLACE FUNCTION search_messages(query text, max_rows integer, recent integer DEFAULT 20000)
RETURNS TABLE (id uuid, conversation_id uuid, at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public
AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := NULLIF(current_setting('app.tenant_id', true), '')::uuid;
    wanted tsquery := to_tsquery('simple', query);
    found_rows integer;
    edge timestamptz;
BEGIN
    RETURN QUERY SELECT m.id, m.conversation_id, m.timestamp FROM (
        SELECT n.id, n.conversation_id, n.timestamp, n.search_vector FROM messages n
        WHERE n.tenant_id = tenant AND n.timestamp IS NOT NULL ORDER BY n.timestamp DESC, n.id DESC LIMIT recent) m
    WHERE m.search_vector @@ wanted ORDER BY m.timestamp DESC, m.id DESC LIMIT max_rows;
    GET DIAGNOSTICS found_rows = ROW_COUNT;
    IF found_rows >= max_rows THEN
        RETURN;
    END IF;
    SELECT n.timestamp INTO edge FROM messages n WHERE n.tenant_id = tenant AND n.timestamp IS NOT NULL
    ORDER BY n.timestamp DESC, n.id DESC OFFSET recent LIMIT 1;
    IF edge IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY WITH hit AS MATERIALIZED (
        SELECT n.id, n.conversation_id, n.timestamp FROM messages n
        WHERE n.tenant_id = tenant AND n.search_vector @@ wanted AND n.timestamp <= edge)
    SELECT h.id, h.conversation_id, h.timestamp FROM hit h ORDER BY h.timestamp DESC, h.id DESC LIMIT max_rows - found_rows;
END
$$;
