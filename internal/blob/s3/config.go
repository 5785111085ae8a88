package s3

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A Config says where blobs are. It holds no secret.
type Config struct {
	Bucket         string
	Prefix         string // of the names of objects: "" or "ci/blobs/"
	Endpoint       string // https://HOST or http://HOST:PORT
	Region         string
	PathStyle      bool   // the bucket is in the path of URLs, not in their host
	PublicEndpoint string // where clients reach the same bucket; "" keeps presigned URLs off
}

// Credentials are what requests are signed with. They never print.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string // "" for those that do not expire
}

// String hides the credentials.
func (Credentials) String() string { return "***" }

// GoString hides the credentials.
func (Credentials) GoString() string { return "***" }

// LogValue hides the credentials.
func (Credentials) LogValue() slog.Value { return slog.StringValue("***") }

const (
	defaultRegion = "us-east-1"
	maxPrefix     = 512
)

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	prefixPart = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
	regionName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// ParseURL reads s3://BUCKET/PREFIX with these parameters, all optional:
//
//	endpoint=URL         of the server; Amazon's own without it
//	region=NAME          us-east-1 without it
//	path-style=BOOL      true without it when there is an endpoint
//	public-endpoint=URL  where clients reach the bucket. With it, downloads are
//	                     handed out as presigned URLs, which go past this server
//
// Credentials do not belong in it. An error does not repeat the URL, in case that
// somebody put them there nevertheless.
func ParseURL(text string) (Config, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Opaque != "" || u.Fragment != "" {
		return Config{}, errors.New("not a URL like s3://BUCKET/PREFIX?endpoint=URL")
	}
	if u.User != nil {
		return Config{}, errors.New("credentials do not belong in the URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	c := Config{Bucket: u.Host, Region: defaultRegion}
	if !bucketName.MatchString(c.Bucket) {
		return Config{}, errors.New("the URL names no valid bucket: s3://BUCKET/PREFIX")
	}
	if c.Prefix, err = parsePrefix(u.Path); err != nil {
		return Config{}, err
	}
	if err := c.parseQuery(u.RawQuery); err != nil {
		return Config{}, err
	}
	if c.Endpoint == "" {
		c.Endpoint = "https://s3." + c.Region + ".amazonaws.com"
	}
	return c, nil
}

func parsePrefix(path string) (string, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return "", nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if !prefixPart.MatchString(part) {
			return "", errors.New("the prefix may have letters, digits, and . _ - between slashes")
		}
	}
	if len(path) > maxPrefix {
		return "", fmt.Errorf("the prefix has more than %d letters", maxPrefix)
	}
	return path + "/", nil
}

func (c *Config) parseQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("the parameters of the URL cannot be read")
	}
	c.PathStyle = query.Get("endpoint") != ""
	for name, values := range query {
		if len(values) != 1 {
			return fmt.Errorf("parameter %.32q comes twice", name)
		}
		switch value := values[0]; name {
		case "endpoint":
			c.Endpoint, err = endpoint(name, value)
		case "public-endpoint":
			c.PublicEndpoint, err = endpoint(name, value)
		case "region":
			if c.Region = value; !regionName.MatchString(value) {
				err = errors.New("region is not a name like us-east-1")
			}
		case "path-style":
			if c.PathStyle, err = strconv.ParseBool(value); err != nil {
				err = errors.New("path-style is true or false")
			}
		default:
			err = fmt.Errorf("unknown parameter %.32q", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func endpoint(name, value string) (string, error) {
	scheme, host, err := parseEndpoint(name, value)
	return scheme + "://" + host, err
}

func parseEndpoint(name, value string) (scheme, host string, err error) {
	u, err := url.Parse(value)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return "", "", fmt.Errorf("%s is not a URL like https://HOST:PORT", name)
	case u.User != nil:
		return "", "", fmt.Errorf("%s must not hold credentials", name)
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "":
		return "", "", fmt.Errorf("%s must be a host, without a path", name)
	}
	return u.Scheme, u.Host, nil
}
