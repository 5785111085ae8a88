package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"regexp"
)

// Do asks for a path and decodes the answer into out, unless that is nil.
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	_, err := c.header(ctx, method, path, in, out)
	return err
}

// header is Do, and returns the header of the answer.
func (c *Client) header(ctx context.Context, method, path string, in, out any) (header http.Header, err error) {
	err = c.repeat(ctx, method, func() error {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		res, err := c.Send(ctx, method, path, in)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		if !good(res) {
			return Refused(res)
		}
		header = res.Header
		return decode(res, out)
	})
	return header, err
}

func good(res *http.Response) bool { return res.StatusCode/100 == 2 }

// decode reads an answer to its end.
func decode(res *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return err
	case out == nil && (len(text) == 0 || json.Valid(text)):
		return nil
	case out == nil || json.Unmarshal(text, out) != nil:
		return newError(res)
	}
	return nil
}

// Pages reads a list page by page, each as the API gives it. It begins at a path
// and goes on as Link headers say. An error is the last.
func Pages[Page any](ctx context.Context, c *Client, path string) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		for {
			page := new(Page)
			header, err := c.header(ctx, http.MethodGet, path, nil, page)
			if err != nil {
				yield(nil, err)
				return
			}
			next := nextPage(path, header)
			if !yield(page, nil) || next == "" {
				return
			}
			path = next
		}
	}
}

var linkToNext = regexp.MustCompile(`<([^>]*)>\s*;[^,<]*\brel="?next\b`)

// nextPage is the path of the page after one, empty after the last. A link is a
// whole URL, and may have the path of another name of the same list.
func nextPage(path string, header http.Header) string {
	for _, link := range header.Values("Link") {
		m := linkToNext.FindStringSubmatch(link)
		if m == nil {
			continue
		}
		next, err := url.Parse(m[1])
		now, wrong := url.Parse(path)
		if err != nil || wrong != nil || next.RawQuery == now.RawQuery {
			return ""
		}
		now.RawQuery = next.RawQuery
		return now.String()
	}
	return ""
}

// Open asks for a path and returns the body of the answer as it comes, from where
// a redirect leads if there is one. The caller closes it.
func (c *Client) Open(ctx context.Context, path string) (body io.ReadCloser, err error) {
	err = c.repeat(ctx, http.MethodGet, func() error {
		res, err := c.Send(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		if res.StatusCode == http.StatusFound {
			res.Body.Close()
			to, err := c.leads(res)
			if err != nil {
				return err
			}
			if res, err = c.Visit(ctx, to.String(), nil); err != nil {
				return err
			}
		}
		if !good(res) {
			defer res.Body.Close()
			return Refused(res)
		}
		body = res.Body
		return nil
	})
	return body, err
}

// Fetch is all of what a URL gives without the token, as [Client.Visit] asks for it.
func (c *Client) Fetch(ctx context.Context, to string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	res, err := c.Visit(ctx, to, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if !good(res) {
		return nil, Refused(res)
	}
	return io.ReadAll(res.Body)
}

// Read is all of what [Client.Open] gives.
func (c *Client) Read(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	body, err := c.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// Location is where the redirect of a path leads: the signed URL of bytes.
func (c *Client) Location(ctx context.Context, path string) (to *url.URL, err error) {
	err = c.repeat(ctx, http.MethodGet, func() error {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		res, err := c.Send(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		switch {
		case res.StatusCode == http.StatusFound:
			to, err = c.leads(res)
			return err
		case good(res):
			return newError(res)
		}
		return Refused(res)
	})
	return to, err
}

// leads is where a redirect leads, if one may go there.
func (c *Client) leads(res *http.Response) (*url.URL, error) {
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || to.String() == "" {
		return nil, newError(res)
	}
	secure := c.api.Scheme != "https" || to.Scheme == "https"
	if to.Scheme != "http" && to.Scheme != "https" || to.Host == "" || to.User != nil || !secure {
		return nil, fmt.Errorf("the server redirects to %s://%s, which is not followed", to.Scheme, to.Host)
	}
	return to, nil
}
