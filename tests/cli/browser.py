"""browser.py - a headless Chromium, driven through a pipe by its own protocol: pages, real mouse and keys, screenshots

    with Browser() as browser:
        page = browser.open('/tmp/page.html')
        page.move(300, 200)
        page.value('document.title')
"""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time

PROGRAM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')


class Browser:
    """Messages are JSON with a zero byte behind each: read from descriptor 3, written to 4."""

    def __init__(self, timeout=120):
        self.deadline = time.monotonic() + timeout
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self.out = os.pipe()
        self.into, from_browser = os.pipe()
        # The shell puts the pipe's ends where the browser looks for them.
        command = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self.process = subprocess.Popen(
            ['bash', '-c', command, 'sh', PROGRAM, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--no-first-run',
             '--disable-dev-shm-usage', '--remote-debugging-pipe', f'--user-data-dir={self.profile.name}', 'about:blank'],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        os.set_blocking(self.into, False)
        self.count, self.buffer, self.events = 0, b'', []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.out)
        self.process.kill()
        self.process.wait()
        os.close(self.into)
        self.profile.cleanup()

    def read(self):
        while b'\0' not in self.buffer:
            if time.monotonic() > self.deadline:
                raise TimeoutError('the browser does not answer')
            try:
                got = os.read(self.into, 1 << 20)
                if not got:
                    raise ConnectionError('the browser is gone')
                self.buffer += got
            except BlockingIOError:
                time.sleep(.005)
        message, self.buffer = self.buffer.split(b'\0', 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        self.count += 1
        message = {'id': self.count, 'method': method, 'params': params}
        if session:
            message['sessionId'] = session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.read()
            if answer.get('id') == self.count:
                if 'error' in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer['result']
            self.events.append(answer)

    def open(self, path, width=1200, height=800, fragment='', features=()):
        return Page(self, path, width, height, fragment, features)


class Page:
    def __init__(self, browser, path, width, height, fragment, features):
        self.browser = browser
        target = browser.call('Target.createTarget', url='about:blank')['targetId']
        self.session = browser.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        self.call('Page.enable')
        self.call('Runtime.enable')
        self.call('Performance.enable', timeDomain='threadTicks')
        self.call('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=False)
        if features:
            self.call('Emulation.setEmulatedMedia', features=[{'name': n, 'value': v} for n, v in features])
        self.call('Page.navigate', url=f'file://{path}' + (f'#{fragment}' if fragment else ''))
        while not any(e['method'] == 'Page.loadEventFired' and e.get('sessionId') == self.session for e in browser.events):
            browser.events.append(browser.read())
        self.frame()

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def value(self, expression):
        answer = self.call('Runtime.evaluate', expression=expression, returnByValue=True, awaitPromise=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(answer['exceptionDetails'].get('exception', {}).get('description', expression))
        return answer['result'].get('value')

    def frame(self):
        """Until what is waiting to be drawn is drawn."""
        self.value('new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))')

    def work(self):
        """Milliseconds that the page's thread has run, which is not what a busy machine makes of it."""
        metrics = self.call('Performance.getMetrics')['metrics']
        return 1000 * next(m['value'] for m in metrics if m['name'] == 'TaskDuration')

    def mouse(self, kind, x, y, **more):
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def move(self, x, y):
        self.mouse('mouseMoved', x, y)
        self.frame()

    def click(self, x, y):
        for kind in ('mouseMoved', 'mousePressed', 'mouseReleased'):
            self.mouse(kind, x, y, **({} if kind == 'mouseMoved' else {'button': 'left', 'clickCount': 1}))
        self.frame()

    def drag(self, x, y, to_x, to_y):
        self.mouse('mouseMoved', x, y)
        self.mouse('mousePressed', x, y, button='left', clickCount=1)
        for i in range(1, 6):
            self.mouse('mouseMoved', x + (to_x - x) * i / 5, y + (to_y - y) * i / 5, button='left', buttons=1)
        self.mouse('mouseReleased', to_x, to_y, button='left', clickCount=1)
        self.frame()

    def wheel(self, x, y, delta, modifiers=0):
        self.mouse('mouseWheel', x, y, deltaX=0, deltaY=delta, modifiers=modifiers)
        self.frame()

    def type(self, text):
        for letter in text:
            self.call('Input.dispatchKeyEvent', type='keyDown', text=letter, key=letter)
            self.call('Input.dispatchKeyEvent', type='keyUp', key=letter)
        self.frame()

    def press(self, key):
        self.call('Input.dispatchKeyEvent', type='keyDown', key=key)
        self.call('Input.dispatchKeyEvent', type='keyUp', key=key)
        self.frame()

    def screenshot(self, path):
        with open(path, 'wb') as file:
            file.write(base64.b64decode(self.call('Page.captureScreenshot', format='png')['data']))
