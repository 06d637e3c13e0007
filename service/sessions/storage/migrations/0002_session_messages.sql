-- A session as the message that answers hold of it, ready to be sent. NULL means that it has to be
-- made of the other columns, as for all rows that there are already.
ALTER TABLE sessions ADD COLUMN message bytea;

-- Whoever changes other columns makes the message anew. A worker of the version before does not
-- know of it: then it is forgotten.
CREATE FUNCTION forget_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.message := NULL;
    RETURN NEW;
END
$$;

CREATE TRIGGER forget_message BEFORE UPDATE ON sessions FOR EACH ROW
WHEN (OLD.message = NEW.message
      AND (OLD.session_id, OLD.visitor_id, OLD.started_at, OLD.ended_at, OLD.pageviews, OLD.events,
           OLD.is_bot, OLD.country, OLD.region, OLD.city, OLD.browser, OLD.os, OLD.device,
           OLD.language, OLD.hostname, OLD.referrer, OLD.utm_source, OLD.utm_medium,
           OLD.utm_campaign, OLD.entry_page, OLD.exit_page)
          IS DISTINCT FROM
          (NEW.session_id, NEW.visitor_id, NEW.started_at, NEW.ended_at, NEW.pageviews, NEW.events,
           NEW.is_bot, NEW.country, NEW.region, NEW.city, NEW.browser, NEW.os, NEW.device,
           NEW.language, NEW.hostname, NEW.referrer, NEW.utm_source, NEW.utm_medium,
           NEW.utm_campaign, NEW.entry_page, NEW.exit_page))
EXECUTE FUNCTION forget_message();
